# Everything else a developer needs to know is in README.md and CONTRIBUTING.md.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PROFILE ?= default
DOOR ?= lambda
ROLE ?= clerk
SEED ?= 1
EXAMPLES ?= 100
SECONDS ?= 600
TARGET ?=
STAGE ?= dev
REGION ?=
GUIDED ?=
FORCE ?=
DAYS ?= 14
PARK ?=
QUICK ?=
UPGRADE ?=
VERSION ?=
CRATE ?=
ONLY ?=
ENTRY ?=
LTO ?=
LOCAL := python3 local
IN_PROFILE := --profile '$(PROFILE)'
SAM := .local/tools/sam/bin
CHECKS := .local/tools/checks/bin
POLICY := .local/tools/policy/bin
BOOK := .local/tools/book/bin
NPM := .local/tools/npm/node_modules/.bin
PREFLIGHT := $(CHECKS)/python -m deploy.preflight --stage '$(STAGE)' $(if $(REGION),--region '$(REGION)')
DEPLOY_PARAMETERS := .local/deploy/$(STAGE).yaml
COST := $(CHECKS)/python -m cost
CAPACITY := $(CHECKS)/python -m capacity
DEPLOY := $(CHECKS)/python -m deploy
PROMTOOL := .local/tools/prometheus/promtool
CHAOS := $(CHECKS)/python -m chaos

export SAM_CLI_TELEMETRY := 0
export REDOCLY_TELEMETRY := off
export REDOCLY_SUPPRESS_UPDATE_NOTICE := true

.PHONY: help run run-services up down console url token invoke reconcile redrive parked flow inspector-url docs-url test lint lint-rust lint-documents lint-python fmt unit wasm console-check e2e smoke-services chaos chaos-list bench audit fuzz-api fuzz docs cost cost-measure starts capacity freeze preflight deploy image unparked destroy package-check stage tools lock release-notes release coverage mutants

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

run: ## Set up, build and run everything on this machine; Ctrl-C stops it. With services and Kafka as its door: make run DOOR=services
	@$(LOCAL) run $(IN_PROFILE) --door '$(DOOR)'

run-services: ## The same as make run DOOR=services
	@$(LOCAL) run $(IN_PROFILE) --door services

up: ## The same in the background; returns when it is ready: make up [DOOR=services]
	@$(LOCAL) up $(IN_PROFILE) --door '$(DOOR)'

down: ## Stop it; the data stays in .local
	@$(LOCAL) down $(IN_PROFILE)

console: ## Print the address of the running console
	@$(LOCAL) console $(IN_PROFILE)

url: ## Print the base URL of the running API
	@$(LOCAL) url $(IN_PROFILE)

inspector-url: ## Print where the running stack shows what executions went through
	@$(LOCAL) inspector-url $(IN_PROFILE)

docs-url: ## Print where the running stack serves the documentation
	@$(LOCAL) docs-url $(IN_PROFILE)

token: ## Print an ID token: make -s token MERCHANT=acme [ROLE=clerk|viewer]
	@test -n '$(MERCHANT)' || { echo 'fluxo: say for which merchant: make -s token MERCHANT=acme [ROLE=viewer]' >&2; exit 1; }
	@$(LOCAL) token $(IN_PROFILE) --merchant '$(MERCHANT)' --role '$(ROLE)'

invoke: ## Invoke one function with an event: make invoke FUNCTION=register-entry EVENT=entry
	@test -n '$(FUNCTION)' -a -n '$(EVENT)' || { echo 'fluxo: say which event of which function: make invoke FUNCTION=register-entry EVENT=entry' >&2; exit 1; }
	@$(LOCAL) invoke $(IN_PROFILE) '$(FUNCTION)' '$(EVENT)'

reconcile: ## Compare balances with the ledger and repair them: all, or MERCHANT=acme FROM=2026-01-01 TO=2026-12-31 [CURRENCY=BRL]
	@$(LOCAL) reconcile $(IN_PROFILE) $(if $(MERCHANT),--merchant '$(MERCHANT)') $(if $(FROM),--from '$(FROM)') $(if $(TO),--to '$(TO)') $(if $(CURRENCY),--currency '$(CURRENCY)')

redrive: ## Run the entries in the dead-letter queue again
	@$(LOCAL) redrive $(IN_PROFILE)

# Of the local stack, unless a stage is named.
ON_AWS := $(if $(filter-out file default,$(origin STAGE)),1)

parked: $(if $(ON_AWS),tools stage) ## List what waits to run again and what is in the dead-letter queue, and why; on AWS: make parked STAGE=prod
	@$(if $(ON_AWS),$(CHECKS)/python -m deploy.parked --stage '$(STAGE)' $(if $(REGION),--region '$(REGION)'),$(LOCAL) parked $(IN_PROFILE))

flow: $(if $(ON_AWS),tools stage) ## Print what an entry went through: make flow ENTRY=<entry id> [MERCHANT=acme]; on AWS: STAGE=prod [DAYS=14]
	@test -n '$(ENTRY)' || { echo 'fluxo: say which entry: make flow ENTRY=<the id in the answer to POST /entries>' >&2; exit 1; }
	@$(if $(ON_AWS),$(CHECKS)/python -m deploy.flow '$(ENTRY)' --stage '$(STAGE)' --days '$(DAYS)' $(if $(REGION),--region '$(REGION)'),$(LOCAL) flow $(IN_PROFILE) '$(ENTRY)' $(if $(MERCHANT),--merchant '$(MERCHANT)'))

preflight: tools stage ## Ask the AWS account what a deployment would fail at: make preflight STAGE=dev|prod [REGION=sa-east-1]
	@$(PREFLIGHT)

deploy: tools stage ## Preflight, build, and deploy to AWS: make deploy STAGE=dev|prod [REGION=sa-east-1] [GUIDED=1] [FORCE=1] [DOOR=services]
	@$(DEPLOY).parameters '$(STAGE)'
	@$(PREFLIGHT) --parameters $(DEPLOY_PARAMETERS) $(if $(FORCE),--force)
	PATH="$(CURDIR)/$(SAM):$$PATH" $(SAM)/sam build --config-env '$(STAGE)'
	@$(DEPLOY).binaries '$(STAGE)'
	@$(DEPLOY).deploy --stage '$(STAGE)' $(if $(REGION),--region '$(REGION)') --parameters $(DEPLOY_PARAMETERS) $(if $(GUIDED),--guided)
	@$(if $(filter-out lambda,$(DOOR)),$(DEPLOY).services --door '$(DOOR)' --stage '$(STAGE)' $(if $(REGION),--region '$(REGION)'))

image: tools ## Build the image of the second door's programs, without Docker, to .local/image/oci
	@$(DEPLOY).image

unparked: tools stage ## List executions on AWS that failed and whose input does not run again: make unparked STAGE=dev|prod [DAYS=14] [PARK=1]
	@$(CHECKS)/python -m deploy.unparked --stage '$(STAGE)' --days '$(DAYS)' $(if $(REGION),--region '$(REGION)') $(if $(PARK),--park)

destroy: tools stage ## Remove from AWS what was deployed: make destroy STAGE=dev|prod [REGION=sa-east-1]
	$(DEPLOY).destroy --stage '$(STAGE)' $(if $(REGION),--region '$(REGION)')

package-check: tools stage ## Build all functions, or one, exactly as they are deployed, and check the programs: make package-check [FUNCTION=ReplayParked]
	@$(DEPLOY).package --stage '$(STAGE)' $(if $(FUNCTION),--function '$(FUNCTION)')

stage:
	@grep -q '^\[$(STAGE)\.deploy\.parameters\]' samconfig.toml || { echo 'fluxo: samconfig.toml has no stage "$(STAGE)".' >&2; exit 1; }

test: ## All checks and tests, side by side; needs nothing set up beforehand
	@$(LOCAL) test

lint: lint-rust lint-documents lint-python audit ## Formatting, clippy, dependencies, and the checks of Python, template, state machine, alerts and API description

lint-rust:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --document-private-items --locked --quiet

lint-documents: tools
	AWS_DEFAULT_REGION=us-east-1 $(SAM)/sam validate --lint
	$(SAM)/cfn-lint template.yaml
	@# As CloudFormation gets it, without YAML's merge keys, which checkov cannot read.
	@mkdir -p .local/lint && $(SAM)/python -c 'import json, sys; from samcli.yamlhelper import yaml_parse; json.dump(yaml_parse(sys.stdin.read()), sys.stdout, indent=1)' < template.yaml > .local/lint/template.json
	$(POLICY)/checkov --config-file local/checkov.yaml --file .local/lint/template.json
	$(SAM)/cfn-lint services/deploy/eks.yaml
	@$(SAM)/python -c 'import json, sys; from samcli.yamlhelper import yaml_parse; json.dump(yaml_parse(sys.stdin.read()), sys.stdout, indent=1)' < services/deploy/eks.yaml > .local/lint/eks.json
	$(POLICY)/checkov --config-file local/checkov.yaml --file .local/lint/eks.json
	$(POLICY)/checkov --config-file local/checkov.yaml --directory services/deploy/kubernetes
	@# The validator knows no placeholders; deploying fills them in.
	@for file in statemachines/*.asl.json; do sed 's/$${Partition}/aws/' $$file > .local/lint/$${file##*/}; done
	$(NPM)/asl-validator $(patsubst statemachines/%,--json-path .local/lint/%,$(wildcard statemachines/*.asl.json))
	$(PROMTOOL) check config observability/prometheus/prometheus.yml
	$(PROMTOOL) check rules observability/prometheus/rules.yml observability/prometheus/alerts.yml
	$(PROMTOOL) test rules observability/prometheus/alerts_test.yml
	@# Not services.scrape.yml: Debian's Prometheus is built without the discovery of Kubernetes.
	$(PROMTOOL) check rules observability/prometheus/services.rules.yml
	$(PROMTOOL) test rules observability/prometheus/services_test.yml
	$(NPM)/redocly lint openapi.yaml --config local/npm/redocly.yaml --format stylish
	@rm -rf .local/lint/api && $(call render,.local/lint/api)
	@diff --recursive --brief .local/lint/api docs/api || { echo 'fluxo: docs/api is not what openapi.yaml renders to: run make docs' >&2; exit 1; }
	$(BOOK)/lychee --no-progress --offline --include-fragments '*.md' 'docs/**/*.md' "$$($(LOCAL) book)/**/*.html" --exclude-path '404.html$$'
	$(CHECKS)/typos
	$(CHECKS)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(CHECKS)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(CHECKS)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(CHECKS)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

lint-python: tools
	$(CHECKS)/ruff format --check
	$(CHECKS)/ruff check
	$(CHECKS)/pytest -q tests/cost tests/deploy tests/capacity tests/docs tests/launcher tests/chaos
	$(COST) --check
	$(CAPACITY) --check
	$(CHECKS)/pytest -q tests/workflow
	node --test local/inspector/tests/

audit: ## Licences and sources of the dependencies, and their known vulnerabilities
	@$(LOCAL) audit

docs: tools ## Render the API reference to docs/api, the inspector's drawing, and the book of docs/SUMMARY.md; print where the book is
	@rm -rf docs/api && $(call render,docs/api)
	@node local/inspector/layout.mjs $(dir $(NPM)) statemachines/*.asl.json > local/inspector/page/graph.json
	@$(LOCAL) book

cost: tools ## Compute docs/cost.md: what the stack costs on AWS, idle and per million
	$(COST)

cost-measure: tools ## Measure what the costs are computed from, with functions built as they are deployed
	$(COST).measure

starts: tools ## Compare what functions take to start with other link-time optimisations: make starts [LTO='off fat']
	@$(COST).starts $(if $(LTO),--lto $(LTO))

capacity: tools ## Compute docs/capacity.md: at which rate each limit binds, and what to change next
	$(CAPACITY)

# Renders to a folder.
render = $(NPM)/redocly bundle openapi.yaml --config local/npm/redocly.yaml --output .local/openapi.json 2>.local/redocly.log || { cat .local/redocly.log >&2; exit 1; } \
	&& node local/npm/render.mjs $(NPM)/.. .local/openapi.json $(1)

release-notes: ## List the commits since the last release, to write CHANGELOG.md from
	@$$($(LOCAL) install release)/git-cliff --config cliff.toml --unreleased

release: ## Changelog, version, commit and tag of a release; nothing is pushed: make release VERSION=0.2.0
	@test -n '$(VERSION)' || { echo 'fluxo: say which version: make release VERSION=0.2.0' >&2; exit 1; }
	@$(LOCAL) release '$(VERSION)'

freeze: ## After a release: its reading side becomes what tests/previous-release keeps
	@$(LOCAL) freeze

fmt: tools ## Format all code
	cargo fmt --all
	$(CHECKS)/ruff format
	$(CHECKS)/ruff check --fix

unit: ## Unit, property and integration tests, beside throw-away servers
	@$(LOCAL) with-test-services -- cargo test --workspace --locked
	@$(MAKE) -s wasm

console-check: ## The console's checks and tests, in a real browser
	@$(LOCAL) page
	cd console && export PATH="$$(python3 ../local node):$$PATH" && npm run check && npm test && npm run size && npm run test:browser

wasm: tools ## Build the module with which the console reads statements, and test it
	@$(LOCAL) wasm
	node --test console/wasm/tests/

coverage: ## How much of the Rust code its tests reach: make coverage [CRATE=cashflow]
	@$(LOCAL) coverage $(if $(CRATE),--crate '$(CRATE)')

mutants: ## Change the Rust code bit by bit, and list the changes that no test notices: make mutants [CRATE=cashflow]
	@$(LOCAL) mutants $(if $(CRATE),--crate '$(CRATE)')

e2e: tools ## End-to-end tests on a deployed stack of their own: make e2e [DOOR=services]
	$(CHECKS)/pytest tests/e2e --door '$(DOOR)'

smoke-services: tools ## One way through everything at the second door; make e2e DOOR=services has the rest
	$(CHECKS)/pytest tests/e2e/test_smoke.py --door services

chaos: tools ## Break everything under load and audit what is left; one fault, or FAULT=long, those that take minutes: make chaos [DOOR=services] FAULT=redis-hangs
	$(CHAOS) --door '$(DOOR)' $(FAULT)

chaos-list: tools ## The faults that make chaos knows
	@$(CHAOS) --door '$(DOOR)' --list

bench: ## Measure both doors and write docs/performance.md, or one: make bench DOOR=services; within some minutes: make bench QUICK=1
	@$(LOCAL) bench $(if $(filter-out file,$(origin DOOR)),--door '$(DOOR)') $(if $(QUICK),--quick) $(if $(ONLY),--only '$(ONLY)')

fuzz-api: tools ## The generated requests of the e2e tests, more of them: make fuzz-api SEED=7 [EXAMPLES=100] [DOOR=services]
	SCHEMATHESIS_SEED='$(SEED)' SCHEMATHESIS_EXAMPLES='$(EXAMPLES)' $(CHECKS)/pytest -s tests/e2e/test_contract.py --door '$(DOOR)'

fuzz: ## Look for inputs that break a parser: make fuzz SECONDS=600 [TARGET=entry]
	@$(LOCAL) fuzz --seconds '$(SECONDS)' $(if $(TARGET),--target '$(TARGET)')

lock: ## Resolve the dependency groups of pyproject.toml into local/requirements: make lock [UPGRADE=1]
	@$(LOCAL) lock $(if $(UPGRADE),--upgrade)

tools: # Installs what lint and e2e use. Quick when all is there.
	@$(LOCAL) install sam >/dev/null
	@$(LOCAL) install checks >/dev/null
	@$(LOCAL) install policy >/dev/null
	@$(LOCAL) install book >/dev/null
	@$(LOCAL) install npm >/dev/null
	@$(LOCAL) install prometheus >/dev/null
