# Everyday commands. `just` alone lists them.

_list:
    @{{ just_executable() }} --list --unsorted

# Build the program; it is target/release/stayhand
build:
    cargo build --release

# Every test of the project
test *args:
    cargo xtask test {{args}}

# What CI runs
ci:
    cargo xtask ci

# The crate table, the shape of files and functions, the paths documents name
tidy:
    cargo xtask tidy

# Format, and show what clippy says
fmt:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# A scripted coding agent, really executed in a temporary folder
play file="examples/sessions/coding-agent.jsonl" *args:
    cargo run --release -- play {{file}} {{args}}

# Every control proves that it is on
doctor:
    cargo run --release -- doctor

# The figures of docs/BENCHMARKS.md
bench *args: build
    cargo bench -p stayhand-sim --bench spine -- {{args}}

# Documentation of the crates
doc:
    cargo doc --workspace --no-deps --open

# Licences, banned crates, sources
deny:
    cargo deny check licenses bans sources
