class CMake:
    pass


class CMakeToolchain:
    pass


def cmake_layout(recipe):
    pass
