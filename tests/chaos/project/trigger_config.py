from hairtrigger import define_config

config = define_config(project="proj_chaos", retries={"enabled_in_dev": True})
