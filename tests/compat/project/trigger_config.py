from hairtrigger import define_config

config = define_config(project="proj_compat")
