import glob
import os
import shutil


def copy(recipe, pattern, source, target):
    for path in glob.glob(os.path.join(source, pattern)):
        place = os.path.join(target, os.path.relpath(path, source))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copy(path, place)
