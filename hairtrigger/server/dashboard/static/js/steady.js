// Pages whose parts change although nothing happens: heartbeats.
import { refresh } from "./live.js";

const EVERY_MS = 5000;
setInterval(() => { if (document.querySelector("[data-island=steady]")) refresh(); }, EVERY_MS);
