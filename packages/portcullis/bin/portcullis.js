#!/usr/bin/env node
// npm links a bin only if the file exists when it installs, so this shim is committed and dist is not.
import '../dist/cli/main.js';
