# SPDX-License-Identifier: MIT OR Apache-2.0
# Thin: names for what CMake and the scripts do. `make help` lists them. CMake's own presets: cmake --list-presets.
# ENFORCE_FIXED_LAYOUT=0 builds drivers that accept any BAR layout that virtio 1.x allows.
export ENFORCE_FIXED_LAYOUT ?= 1

.DEFAULT_GOAL := help
.PHONY: deps all run test soak bench package third-party lint format clean help

deps: ## install what building and testing need (Debian 12, root or sudo)
	@./scripts/setup

all: ## build drivers (x64, x86, release) and ndishost (64 and 32 bits); ENFORCE_FIXED_LAYOUT=0 or 1
	@./scripts/build-all

run: all ## build, then send real traffic through both drivers on QEMU's virtio-net-pci
	@./tests/e2e/run.sh

test: ## build every variant, run every test
	@./scripts/test-all

soak: all ## long runs: 1,000 rounds per device, 4 GiB in each direction, the matrix ten times (SOAK_MIB, SOAK_TIMES)
	@./tests/e2e/soak.sh

bench: all ## measure throughput and latency, ndishost's memory and processor time
	@./tests/e2e/bench.sh

package: all ## stage drivers, symbols, README and licences into out/packages
	@./scripts/package

third-party: all ## DIR=FOLDER: run every .sys in a folder through load, traffic, pause, halt; DEVICE, INF
	@./tests/e2e/third_party.py $(if $(DEVICE),--device $(DEVICE)) $(if $(INF),--inf $(INF)) "$(or $(DIR),$(error DIR=FOLDER is missing))"

lint: all ## clang-tidy, cppcheck, shellcheck: no findings (DEEP=1: clang's static analyser as well)
	@./scripts/lint $(if $(DEEP),--deep)

format: ## format every C source and header in place
	@./scripts/format

clean: ## remove everything that was built (out/)
	rm -rf out

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
