"""A Kconfig file's options as CMake would be told them: kconfig.py FILE [NAME=VALUE...] prints -DCONFIG_NAME=VALUE."""
import sys

import kconfiglib

kconfig = kconfiglib.Kconfig(sys.argv[1], warn_to_stderr=True)
for assignment in sys.argv[2:]:
    name, value = assignment.split("=")
    assert kconfig.syms[name].set_value(value), assignment
if kconfig.warnings:
    sys.exit("\n".join(kconfig.warnings))
for symbol in kconfig.unique_defined_syms:
    if symbol.config_string:
        print("-DCONFIG_%s=%s" % (symbol.name, symbol.str_value))
