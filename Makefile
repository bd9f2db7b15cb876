# Everything is a script in fleet/; this file only names the ways in.
export FLEET_CACHE ?= $(HOME)/.cache/workspace-fleet
# Outside the clone: a fresh clone finds its build warm.
export CARGO_TARGET_DIR ?= $(FLEET_CACHE)/target

.DEFAULT_GOAL := help
.PHONY: help run down tour test lint doc sim planted chaos bench-overhead bench-placement bench-snapshot bench-source workload test-bare

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## a local fleet and the master on http://127.0.0.1:8080 (SERVERS=docker|local STORE=sqlite|postgres LISTEN DATA_DIR)
	@fleet/run

tour: ## the whole main job through the HTTP API, on real servers, git and S3 (STORE=sqlite|postgres SERVERS=docker|local)
	@fleet/tour

down: ## remove the local fleet
	@fleet/down

test: ## everything CI runs, on real parts, with what it needs installed first
	@fleet/test

sim: ## the orchestrator under faults, by seed; SEED=n repeats one with its trace (SEEDS=1000 FIRST=0 TABLE=1 TWICE=0)
	@cargo run --quiet --release -p workspace-core --features testing --example sim

planted: ## does the simulator find bugs that are planted? (SEEDS=200)
	@fleet/planted

chaos: ## torture of the master on real Docker servers, 5 minutes; FULL=1 everything, an hour (ONLY=name,name STARTS=20)
	@fleet/chaos

bench-overhead: ## what we add to the time that Docker takes, on one real server (ROUNDS=100 EXECS=200)
	@fleet/bench-overhead

bench-snapshot: ## snapshots beside restic, rclone and tar + zstd (ROUNDS=3 DISK_ROUNDS=1); the last line is JSON
	@fleet/bench-snapshot

bench-source: ## what a snapshot of profile `source` keeps of a real npm project; the last line is JSON
	@fleet/bench-source

lint: ## scripts, formatting, clippy
	@fleet/lint

doc: ## the documentation of all crates, warnings are errors
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

bench-placement: ## placement beside a tuned baseline, on the openb trace, durable claims, and several masters, into target/placement.json (PARTS SERVERS STRATEGIES ROUNDS OPENB_DIR)
	@fleet/bench-placement

workload: ## a workload file against the strategies: allocation, refusals, imbalance (ARGS="FILE [STRATEGY..] --svg FILE" or "--synthetic 200")
	@cargo run --quiet --release -p workspace-benches --no-default-features --bin workload -- $(ARGS)

test-bare: ## make test and make run on a bare Debian (debootstrap), where nothing is installed
	@fleet/test-bare
