"""To import this does once what each forked server and command would do again: read the web app,
the guard's weights and the lessons (75 ms of a processor), make Typer's commands (25), and import
what those import late (35).
"""

from importlib import import_module

import typer.main

from copconnect import cli
from copconnect.conduct.guard import model, serving
from copconnect.http import web_assets
from copconnect.training.lessons_of import built_in
from demo import cli as demo
from tests.harness import compiled

for name in (
    *("typer._adapters", "pydantic.plugin._loader", "importlib.resources.readers"),
    *("anyio._backends._asyncio", "httpcore", "encodings.idna", "encodings.utf_8_sig"),
):
    import_module(name)
compiled.read_once()
web_assets.load(web_assets.FOLDER)
model.read(serving.shipped_weights())
built_in()
for app in (cli.app, demo.app):
    typer.main.get_command(app)
