"""What pyproject.toml cannot say: the wheel holds programs for one kind of machine, and an extension for every CPython from 3.11."""

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class WithPrograms(Distribution):
    def has_ext_modules(self) -> bool:
        return True


class StableAbi(bdist_wheel):
    def finalize_options(self) -> None:
        super().finalize_options()
        self.py_limited_api = "cp311"


setup(distclass=WithPrograms, cmdclass={"bdist_wheel": StableAbi})
