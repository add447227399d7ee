"""The command line: ``mmhelpers doctor``, ``mmhelpers data``."""

from __future__ import annotations

import typer

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Mixed models: simulate, fit, test, check."
)


@app.callback()
def _root() -> None:
    """Mixed models: simulate, fit, test, check."""


@app.command()
def doctor() -> None:
    """Say what works on this machine, and how to get what does not."""
    from mmhelpers import doctor as _doctor

    findings = _doctor.examine()
    typer.echo(_doctor.report(findings))
    essential = [f for f in findings if not f.ok and _doctor.PACKAGES.get(f.name) == ""]
    raise typer.Exit(1 if essential else 0)


@app.command()
def data(name: str = typer.Argument("", help="a data set; without a name, all are listed")) -> None:
    """List the data sets, or describe one."""
    from mmhelpers import datasets

    typer.echo(str(datasets.describe(name)) if name else datasets.list_datasets().to_string(index=False))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
