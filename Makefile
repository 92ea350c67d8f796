# Two commands, each sets up everything it needs:
#   make demo   train on scikit-learn's handwritten digits and write a report
#   make test   run the test suite
# and, for those who build it:
#   make bench  the table of speed, beside peers and this machine's own ceilings
VENV ?= .venv
BIN  := $(VENV)/bin

.PHONY: demo test bench setup clean

demo: $(VENV)/.demo
	$(BIN)/mintage train digits --minutes 4 --out runs/digits

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/bench.py

setup: $(VENV)/.dev

$(VENV)/.%: pyproject.toml constraints.txt scripts/install.sh
	sh scripts/install.sh $(VENV) $*
	@touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .ruff_cache .mypy_cache
