// Compiles the Python file that is named, with MicroPython. Ends with an error if MicroPython cannot.
import {readFileSync} from "node:fs";
import {loadMicroPython} from "@micropython/micropython-webassembly-pyscript/micropython.mjs";

const micropython = await loadMicroPython();
micropython.globals.set("source", readFileSync(process.argv[2], "utf8"));
micropython.runPython("compile(source, 'main.py', 'exec')");
console.log("compiled");
process.exit(0);
