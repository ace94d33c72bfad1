from hairtrigger import define_config

config = define_config(project="proj_faults", retries={"enabled_in_dev": True})
