"""`recharge charger`, `vehicle`, `demo` and `import`: each module has `add_arguments` and `main`."""
