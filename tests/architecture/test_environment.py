"""The environment is read in settings, once."""

import ast

from tests.architecture.sources import all_modules, place, tree

# Whoever starts another program hands its environment on; that is not reading settings.
HAND_ON = {
    "services/mlflow/src/mlflow_server/__main__.py",
    "shared/src/vigie/local/__main__.py",
}


def test_only_settings_look_at_the_environment() -> None:
    wrong = [
        place(module)
        for module in all_modules()
        if module.name != "settings.py" and place(module) not in HAND_ON and reads_environment(tree(module))
    ]
    assert not wrong, f"make it a field of the service's settings: {wrong}"


def test_the_exceptions_still_exist() -> None:
    known = {place(module): module for module in all_modules()}
    assert all(path in known and reads_environment(tree(known[path])) for path in HAND_ON)


def reads_environment(module: ast.Module) -> bool:
    """Whether a module names `os.environ`, `os.getenv`, `os.putenv` or their bytes."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in names:
                return True
        elif isinstance(node, ast.ImportFrom) and node.module == "os" and names & {name.name for name in node.names}:
            return True
    return False
