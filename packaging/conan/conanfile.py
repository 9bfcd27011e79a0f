"""teaspoon for Conan 2, from the tree that this file is in: conan create packaging/conan"""
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class Teaspoon(ConanFile):
    name = "teaspoon"
    version = "0.2.0"
    description = "A memory allocator over bytes that you own, with no bytes at all per object"
    license = "BSD-3-Clause"
    url = homepage = "https://example.org/teaspoon"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # The last five are what teaspoon.h says of TSP_LOCK and its kin; None is its default.
    options = {"shared": [True, False], "fPIC": [True, False], "lock": [None, 0, 1, 2, 3], "round": [None, "ANY"],
               "malloc_align": [None, "ANY"], "debug": [None, "ANY"], "check": [None, 0, 1]}
    default_options = {"shared": False, "fPIC": True, "lock": None, "round": None, "malloc_align": None, "debug": None,
                       "check": None}
    implements = ["auto_shared_fpic"]
    languages = "C"

    def chosen(self):
        values = {name: self.options.get_safe(name) for name in ("lock", "round", "malloc_align", "debug", "check")}
        return {"TSP_" + name.upper(): str(value) for name, value in values.items() if value is not None}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "dist/*", "include/*", "src/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update(self.chosen(), TSP_INSTALL=True, TSP_INSTALL_ADAPTERS=False)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.libs = ["teaspoon"]
        self.cpp_info.defines = ["%s=%s" % pair for pair in self.chosen().items()]
        self.cpp_info.set_property("cmake_target_name", "teaspoon::teaspoon")
        self.cpp_info.set_property("pkg_config_name", "teaspoon")
