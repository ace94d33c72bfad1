"""The project that the benchmarks run."""

from hairtrigger import define_config

config = define_config(project="bench", dirs=["trigger"])
