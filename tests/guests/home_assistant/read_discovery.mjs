// Has Home Assistant's own code read what is told to it. Reads {name: {topic: payload}} from standard input, and
// writes what read_discovery.py makes of it. The first argument is the folder of wheels.
import {readFileSync} from "node:fs";
import {loadPyodide} from "pyodide";

const pyodide = await loadPyodide();
pyodide.FS.mkdir("/wheels");
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, {root: process.argv[2]}, "/wheels");
pyodide.globals.set("messages", readFileSync(0, "utf8"));
const program = readFileSync(new URL("read_discovery.py", import.meta.url), "utf8");
try {
    console.log(await pyodide.runPythonAsync(`${program}\nawait read(messages)`));
} catch (error) {
    console.error(error.message);
    process.exit(1);
}
process.exit(0);
