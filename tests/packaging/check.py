"""What the metadata of package managers say is so: versions are the header's, fields are known and there, and the files
that they name exist. Prints what is not, one line each; returns how many.

    check.py            in the root of the tree
"""
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree

import jsonschema
import yaml

VERSION = re.search(r'#define TSP_VERSION "(.*)"', open("include/teaspoon.h").read()).group(1)
TEXT = {"type": "string", "minLength": 1}
IS_VERSION = {"const": VERSION}
wrong = 0


def say(name, words):
    global wrong
    wrong += 1
    print("%s: %s" % (name, words))


def fits(name, data, required, optional=()):
    """The fields that the package manager's documentation knows, no others."""
    fields = dict.fromkeys(optional, {}) | required
    schema = {"type": "object", "required": list(required), "properties": fields, "additionalProperties": False}
    for error in jsonschema.Draft7Validator(schema).iter_errors(data):
        say(name, "/".join(map(str, error.path)) + ": " + error.message)


def exist(name, paths):
    for path in paths:
        if not glob.glob(path):
            say(name, "there is no " + path)


def platformio(name):
    data = json.load(open(name))
    fits(name, data, {"name": TEXT, "version": IS_VERSION, "description": TEXT, "license": TEXT, "build": {
        "type": "object", "required": ["srcDir", "includeDir"]}}, {"keywords", "repository", "headers", "frameworks",
                                                                  "platforms", "export", "homepage", "authors"})
    exist(name, [data["build"]["srcDir"], data["build"]["includeDir"], *data["export"]["include"],
                 data["build"]["includeDir"] + "/" + data["headers"]])


def arduino(name):
    lines = [line.rstrip("\n").split("=", 1) for line in open(name)]
    data = dict(lines)
    category = {"enum": ["Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing",
                         "Data Storage", "Data Processing", "Other"]}
    fits(name, data, {"name": TEXT, "version": IS_VERSION, "author": TEXT, "maintainer": TEXT, "sentence": TEXT,
                      "paragraph": TEXT, "category": category, "url": TEXT, "architectures": TEXT}, {"includes"})
    exist(name, ["src/" + data["includes"], "examples/*/*.ino"])
    for sketch in glob.glob("examples/*/*.ino"):
        if not re.fullmatch(r"examples/(\w+)/\1\.ino", sketch):
            say(sketch, "a sketch has its folder's name")


def esp_idf(name):
    data = yaml.safe_load(open(name))
    fits(name, data, {"version": IS_VERSION, "description": TEXT, "url": TEXT, "license": TEXT},
         {"dependencies", "files", "repository", "documentation", "issues", "examples", "tags", "targets"})
    exist(name, data["files"]["exclude"])


def zephyr(name):
    data = yaml.safe_load(open(name))
    fits(name, data, {"name": TEXT, "build": {"type": "object", "required": ["cmake", "kconfig"]}})
    exist(name, [data["build"]["cmake"] + "/CMakeLists.txt", data["build"]["kconfig"]])


def vcpkg(name):
    data = json.load(open(name))
    fits(name, data, {"name": {"pattern": "^[a-z0-9-]+$"}, "version": IS_VERSION, "description": TEXT},
         {"homepage", "license", "dependencies", "features", "supports"})


def cmsis(name):
    root = xml.etree.ElementTree.parse(name).getroot()
    if name.split("/")[-1] != "%s.%s.pdsc" % (root.find("vendor").text, root.find("name").text):
        say(name, "its name is not vendor.name.pdsc")
    versions = [root.find("releases/release").get("version")]
    versions += [component.get("Cversion") for component in root.iter("component")]
    if set(versions) != {VERSION}:
        say(name, "a version is not " + VERSION)
    exist(name, [root.find("license").text, *(file.get("name") for file in root.iter("file"))])
    conditions = {condition.get("id") for condition in root.iter("condition")}
    for component in root.iter("component"):
        if component.get("condition") not in conditions | {None}:
            say(name, "there is no condition " + component.get("condition"))


def versions():
    for name, pattern in {"meson.build": r"version: '(.*?)'", "packaging/conan/conanfile.py": r'version = "(.*)"',
                          "CHANGELOG.md": r"## (\S+)", "bindings/rust/Cargo.toml": r'version = "(.*)"',
                          "dist/teaspoon.c": r"teaspoon ([0-9.]+),"}.items():
        found = os.path.exists(name) and re.search(pattern, open(name).read())
        if not found or found.group(1) != VERSION:
            say(name, "its version is not " + VERSION)


platformio("library.json")
arduino("library.properties")
esp_idf("idf_component.yml")
zephyr("zephyr/module.yml")
vcpkg("packaging/vcpkg/vcpkg.json")
cmsis("packaging/cmsis/teaspoon.teaspoon.pdsc")
versions()
sys.exit(wrong)
