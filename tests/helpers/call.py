"""Calls a function of a test in a process of its own, with text as arguments.

`tests.helpers.processes.call_in_process` starts it: `call.py MODULE FUNCTION ARGUMENT…`.
"""

import sys
from importlib import import_module

if __name__ == "__main__":
    module, function, *arguments = sys.argv[1:]
    getattr(import_module(module), function)(*arguments)
