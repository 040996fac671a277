# The only door: every command a person or a workflow needs. `make` prints them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check format train up down images e2e k8s-smoke policies sbom push deploy-ec2 deploy-railway deploy-huggingface bench soak lock render clean

PYTHON ?= python3
MODEL ?= logreg
MINUTES ?= 5
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
comma := ,
empty :=
space := $(empty) $(empty)
# What `run` runs. No other target gets a MODELS that nobody gave: Compose runs every family then, or those of .env.
RUN := $(or $(subst $(space),,$(MODELS)),logreg)
# Nothing of Vigie's is behind a proxy.
export NO_PROXY := $(NO_PROXY),127.0.0.1,localhost
export no_proxy := $(no_proxy),127.0.0.1,localhost
LIBRARY := -e './shared[web,streams,store,registry,serving,local]'
FAMILIES := $(patsubst services/predictor-%,%,$(wildcard services/predictor-*))
ALWAYS := $(LIBRARY) -e services/gateway -e services/feedback -e services/alerting -e services/ui -e services/mlflow
TRAINED := $(if $(filter all,$(MODEL)),$(FAMILIES),$(MODEL))
# $(call members,names): the predictors of these families, and the training job with what their recipes need.
members = $(foreach name,$(1),-e services/predictor-$(name)) -e 'training[$(subst $(space),$(comma),$(strip $(1)))]'
EVERYTHING := $(ALWAYS) $(call members,$(FAMILIES))
SOURCES := shared/src training/src $(wildcard services/*/src)
MANIFESTS := constraints.txt pyproject.toml $(wildcard */pyproject.toml services/*/pyproject.toml)
INSTALL := $(BIN)/uv pip install --quiet -c constraints.txt
NO_NETWORK := { echo "The packages could not be installed: Vigie needs a package registry the first time. What pip said stands above." >&2; exit 1; }

CHECKOV := 3.3.30
CYCLONEDX := 7.5.0
ZIZMOR := 1.32.0
export VIGIE_VERSION ?= 0.1.0
KUBECTL := kubectl version --client 2>/dev/null | grep -q 'Kustomize Version: v[5-9]' \
	|| { echo "kubectl 1.27 or newer is missing, it renders the overlays: Debian 13's package kubernetes-client, Debian 12's is too old" >&2; exit 1; }

# $(call need,command,Debian package): installs the package when the command is missing.
need = command -v $(1) >/dev/null || ls /usr/lib/postgresql/*/bin/$(1) >/dev/null 2>&1 || { echo "installing $(2)"; \
	as=; [ "$$(id -u)" = 0 ] || as=sudo; \
	{ $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq $(2) >/dev/null; } \
	|| { echo "$(1) is missing and could not be installed: install the Debian package $(2)" >&2; exit 1; }; }

# $(call known,variable,names): ends with a sentence when one of the names is no family's.
known = [ -z "$(filter-out $(FAMILIES),$(2))" ] \
	|| { echo "$(1): expected families of $(FAMILIES), got $(filter-out $(FAMILIES),$(2))" >&2; exit 1; }

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(STAMPS)/run-$(subst $(comma),-,$(RUN)) ## run the whole system here, in the foreground (MODELS=logreg,… for more families)
	@[ -n "$${REDIS_URL:-}" ] || $(call need,redis-server,redis-server)
	@MODELS='$(RUN)' exec $(BIN)/python -m vigie.local

test: $(STAMPS)/dev ## run all tests that need no container engine
	@$(call need,redis-server,redis-server)
	@$(call need,initdb,postgresql)
	@$(call need,chromium,chromium)
	@$(call need,promtool,--no-install-recommends prometheus)
	@$(call need,java,default-jre-headless)
	@$(BIN)/python -m pytest -m "not e2e and not bench" -n 2 --dist loadfile --cov --cov-report=term:skip-covered $(TESTS)

check: $(STAMPS)/dev ## format, lint, types, architecture rules, manifests
	@$(BIN)/ruff format --check --quiet . || { echo "run make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@MYPYPATH=$(subst $(space),:,$(SOURCES)) $(BIN)/mypy $(SOURCES) tests
	@$(BIN)/python k8s/render.py --check
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/python -m pytest -q tests/architecture

format: $(STAMPS)/dev ## rewrite the code as the formatter and the linter's safe fixes want it
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

train: $(STAMPS)/train-$(MODEL) ## train and register a version: MODEL=logreg DATA=path[,path…] (without DATA: the sample rows)
	@$(BIN)/vigie-train run --model $(MODEL) $(if $(DATA),--data "$(DATA)")

up: ## build and start the containers, wait until they are healthy (MODELS=logreg,… for fewer families)
	@docker compose up --build --wait$(if $(MODELS), ui $(addprefix predictor-,$(subst $(comma), ,$(RUN))))

down: ## stop the containers; their volumes stay
	@docker compose down

e2e: $(STAMPS)/dev ## run the journey tests against the Compose stack
	@$(BIN)/python -m pytest -m e2e -q -s tests/e2e

images: ## build every image: vigie/<name>:$(VIGIE_VERSION)
	@docker compose build

k8s-smoke: $(STAMPS)/dev ## start what k8s/overlays/local renders on the container engine, as it is specified, and run the journeys
	@$(KUBECTL)
	@docker compose build --quiet
	@STACK=kubernetes $(BIN)/python -m pytest -m e2e -q -s tests/e2e

policies: $(STAMPS)/dev ## scan the rendered overlays and the plan with checkov, the workflows with zizmor
	@$(KUBECTL)
	@for overlay in k8s/overlays/*/; do echo "$$overlay"; kubectl kustomize "$$overlay" > $(STAMPS)/rendered.yaml; \
		$(BIN)/uv tool run --quiet --from checkov==$(CHECKOV) checkov --config-file k8s/checkov.yaml -f $(STAMPS)/rendered.yaml; done
	@echo k8s/ec2; $(BIN)/uv tool run --quiet --from checkov==$(CHECKOV) checkov -d k8s/ec2 --framework terraform --compact --quiet --skip-download
	@echo .github/workflows; $(BIN)/uv tool run --quiet --from zizmor==$(ZIZMOR) zizmor --offline --no-progress --quiet .github/workflows

sbom: $(BIN)/uv ## write sbom.json: every dependency with its version (CycloneDX)
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==$(CYCLONEDX) cyclonedx-py requirements constraints.txt --output-reproducible -o sbom.json

push: ## build every image and push it: TAG, REGISTRY, REGISTRY_USER, REGISTRY_TOKEN
	@.github/delivery/push.sh

deploy-ec2: $(BIN)/uv ## bring a pushed TAG to the machine, see that it works, else go back: k8s/ec2/README.md
	@$(INSTALL) pyyaml
	@PYTHON=$(BIN)/python k8s/ec2/deploy.sh

deploy-railway: ## bring this tree to Railway: .github/delivery/railway/README.md
	@.github/delivery/railway/deploy.sh

deploy-huggingface: $(BIN)/uv ## bring this tree to a Hugging Face Space: services/ui/huggingface/README.md
	@UV=$(BIN)/uv services/ui/huggingface/deploy.sh

bench: $(STAMPS)/dev ## measure speed and memory, print a table, write bench.json and bench.png (ONLY=logreg,families,overload,memory,growth,page,alerting,training,peers)
	@$(call need,wrk,wrk)
	@$(call need,redis-server,redis-server)
	@$(call need,chromium,chromium)
	@ONLY=$(ONLY) $(BIN)/python -m tests.bench

soak: $(STAMPS)/dev ## drive the whole system for MINUTES=5 while services end at random (SEED=… repeats a run), write soak.json
	@$(call need,redis-server,redis-server)
	@MINUTES=$(MINUTES) SEED=$(SEED) $(BIN)/python -m tests.soak

lock: $(STAMPS)/dev ## resolve every dependency again into constraints.txt
	@printf '%s\n' $(patsubst %,./%,$(patsubst ./%,%,$(filter-out -e,$(subst ',,$(EVERYTHING))))) | $(BIN)/uv pip compile - --group pyproject.toml:dev --quiet \
		--python-version 3.11 --upgrade --no-annotate --custom-compile-command 'make lock' -o constraints.txt \
		$(foreach name,shared gateway feedback alerting ui mlflow training $(notdir $(wildcard services/predictor-*)),--no-emit-package vigie-$(name))
	@sed -i -e 's/^\(torch==[0-9.]*\)+cpu$$/\1/' -e '/^\(nvidia-\|cuda-\|triton=\)/d' constraints.txt # the CPU build, whichever was found

render: $(STAMPS)/dev ## write what follows from the catalogue: the predictors' Compose and Kubernetes files
	@$(BIN)/python k8s/render.py

clean: ## remove the virtual environment and every cache; keeps var/
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis bench.json bench.png soak.json
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "no virtual environment could be made: install the Debian package python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv || $(NO_NETWORK)
	@mkdir -p $(STAMPS)

$(STAMPS)/run-%: $(BIN)/uv $(MANIFESTS)
	@$(call known,MODELS,$(subst $(comma), ,$(RUN)))
	@echo "installing Vigie into $(VENV) ($(RUN))"
	@$(INSTALL) $(ALWAYS) $(call members,$(subst $(comma), ,$(RUN))) || $(NO_NETWORK)
	@touch $@

$(STAMPS)/train-%: $(BIN)/uv $(MANIFESTS)
	@$(call known,MODEL,$(TRAINED))
	@echo "installing the training job into $(VENV) ($(MODEL))"
	@$(INSTALL) $(LIBRARY) $(call members,$(TRAINED)) || $(NO_NETWORK)
	@touch $@

$(STAMPS)/dev: $(BIN)/uv $(MANIFESTS)
	@echo "installing Vigie and its development tools into $(VENV)"
	@$(INSTALL) --compile-bytecode --group dev $(EVERYTHING) || $(NO_NETWORK)
	@touch $@
