# `make` lists the targets. CARGO_TARGET_DIR is respected everywhere.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help run test build image loadtest instructions check golden bench bench-code bench-change deny doc

SERVERS := controller-sync/tests/cluster/servers/build

comma := ,
programs := --bin ingora --bin ingora-gateway --bin ingora-echo
step = @printf '\n==> %s\n' "$(1)"

help: ## List the targets
	@echo 'Ingora: make TARGET'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: ## Start the quickstart on 8080/8443: both programs, echo backends, and what to try; Ctrl-C ends it
	@examples/quickstart/run.sh

test: ## Everything CI runs: formatting, lints, all tests over real sockets, documentation
	@.ci/prerequisites test
	$(call step,formatting)
	cargo fmt --all --check
	$(call step,lints: clippy and rustc; warnings are errors)
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(call step,build of the programs that the tests start)
	cargo build --workspace --bins --locked
	$(call step,servers of the cluster tests: built once and kept outside the tree)
	@if $(SERVERS) --check; then $(SERVERS); fi
	$(call step,image: built twice$(comma) unpacked$(comma) run without any rights)
	@if helm/image/check --possible; then helm/image/check; elif [ "$${CI:-}" = true ]; then exit 1; fi
	$(call step,tests)
	cargo test --workspace --locked
	$(call step,documentation; warnings are errors)
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
	$(call step,all green)

build: ## Build the release programs: ingora, ingora-gateway, ingora-echo
	@.ci/prerequisites
	cargo build --workspace $(programs) --release --locked
	@echo "built in $${CARGO_TARGET_DIR:-target}/release"

image: ## Build the release programs and pack them into an image with docker, podman or buildah (IMAGE=name:tag ARCHIVE=file.tar)
	@.ci/prerequisites
	cargo build --workspace $(programs) --release --locked
	SBOM=$$(helm/image/sbom) helm/image/build

loadtest: ## Two minutes of k6 scenarios against an edge on this machine, with a table and an HTML report (K6=your own k6)
	@loadtest/run

instructions: ## Instructions per request, counted by callgrind, into docs/benchmarks.md (loadtest/instructions --compare prints old and new)
	@loadtest/instructions

check: ## Formatting and lints only
	@.ci/prerequisites test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

golden: ## Rewrite the expected side of golden files and the tables of docs/; look at the diff before you commit it
	@.ci/prerequisites
	UPDATE_GOLDEN=1 UPDATE_DOCS=1 cargo test -p ingora-controller-sync --locked --test golden --test docs
	UPDATE_GOLDEN=1 cargo test -p ingora-controller-sync --locked --test cluster renders_as_expected

bench: ## Ingora beside nginx, HAProxy, Envoy and bare Pingora on this machine, 20 minutes; writes docs/benchmarks.md
	@.ci/prerequisites
	@loadtest/prerequisites
	cargo build --workspace $(programs) --bin ingora-bench --bin bare-pingora --release --locked
	ENVOY=$$(loadtest/envoy/install) || unset ENVOY; export ENVOY; \
	bench=$${CARGO_TARGET_DIR:-target}/release/ingora-bench; \
	$$bench side-by-side --page docs/benchmarks.md && $$bench idle --page docs/benchmarks.md

bench-code: ## Benches of the hot path and of translation (criterion)
	@.ci/prerequisites
	cargo bench --workspace --locked

bench-change: ## What a change costs from 10 to 50,000 routes, from files and from an API server; writes docs/benchmarks.md (ARGS='--routes 10')
	@.ci/prerequisites
	@loadtest/bench-change $(ARGS)

deny: ## Licences, advisories, sources and banned crates (cargo-deny)
	@cargo deny --version >/dev/null 2>&1 || { echo 'cargo-deny is not installed; run: cargo install --locked cargo-deny'; exit 1; }
	cargo deny --all-features --locked check

doc: ## Build the documentation of the code
	@.ci/prerequisites
	cargo doc --workspace --no-deps --locked
	@echo "see $${CARGO_TARGET_DIR:-target}/doc/ingora_config/index.html"
