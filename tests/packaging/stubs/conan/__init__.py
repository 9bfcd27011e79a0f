class ConanFile:
    pass
