// The login page has no other script: its form works as every form does.

import { translate } from "./language.js";

translate(document);
