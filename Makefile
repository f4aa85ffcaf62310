# The ways into this repository. `make help` lists them.

.PHONY: help setup web run test desktop bench fmt

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{ printf "  make %-10s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing needs (system packages as root, npm packages)
	scripts/setup

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

web: web/node_modules/.package-lock.json ## Build the web client, which the server carries
	cd web && npm run build

run: ## Build what is missing and start a server on this machine: make run ARGS="--host 0.0.0.0"
	scripts/setup server
	$(MAKE) web
	cargo run --release -p salotto -- serve $(ARGS)

test: ## Check and test everything
	scripts/test

desktop: ## Build the desktop program and open its window
	scripts/setup desktop
	$(MAKE) web
	cargo run --release -p salotto-desktop --features custom-protocol

bench: web ## Build with optimisation and measure: make bench ARGS="fanout --port 6667"
	cargo run --release -p salotto -- bench $(ARGS)

fmt: web/node_modules/.package-lock.json ## Format everything
	cargo fmt --all
	cd web && npm run format
