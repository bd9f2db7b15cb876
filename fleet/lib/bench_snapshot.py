"""Measures; `fleet/bench-snapshot` prepares. Every figure is the wall time of a whole process, or pipe of processes,
in a session of its own; a median over rounds in which the tools take turns."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid

FILES, BYTES = 9_600, 95_000_000
TOOLS, STEPS = ["ours", "restic", "rclone", "tar_zstd"], ["first", "one_file", "restore"]
ENDPOINT, BUCKET = os.environ["S3_ENDPOINT"], os.environ["S3_BUCKET"]
RCLONE = f"{os.environ['RCLONE']} --transfers 32 --checkers 32 --fast-list --s3-no-head"
CURL = "curl -sSf --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 -K \"$CURL_KEY\" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD'"


def plant(tree):
    """The same real files each time: crates in the order of their names, while they fit."""
    count = size = 0
    sources = os.environ["SOURCES"]
    for crate in sorted(os.listdir(sources)):
        paths = [os.path.join(at, name) for at, _, names in os.walk(os.path.join(sources, crate)) for name in names]
        total = sum(os.lstat(path).st_size for path in paths)
        # Crates of a few huge or many tiny files would use up one limit before the other.
        if paths and 5_000 < total / len(paths) < 25_000 and count + len(paths) <= FILES and size + total <= BYTES:
            shutil.copytree(os.path.join(sources, crate), os.path.join(tree, crate), symlinks=True)
            count, size = count + len(paths), size + total
    print(f"{count} files, {size / 1e6:.1f} MB", file=sys.stderr)


def commands(place, run):
    """What each tool does in each step, and the settings it needs."""
    tree, target, key = f"{place}/tree", f"{place}/target", f"{BUCKET}/{run}"
    env = dict(os.environ, LC_ALL="C", RESTIC_PASSWORD="bench", RESTIC_CACHE_DIR=f"{place}/restic-cache",
               RESTIC_REPOSITORY=f"s3:{ENDPOINT}/{key}-restic", AWS_ACCESS_KEY_ID=os.environ["S3_ACCESS_KEY_ID"],
               AWS_SECRET_ACCESS_KEY=os.environ["S3_SECRET_ACCESS_KEY"], RCLONE_CONFIG=f"{place}/none.conf",
               RCLONE_CONFIG_S_TYPE="s3", RCLONE_CONFIG_S_PROVIDER="Other", RCLONE_CONFIG_S_ENDPOINT=ENDPOINT,
               RCLONE_CONFIG_S_ENV_AUTH="true", SNAPSHOT_PROJECT=str(uuid.uuid4()), SNAPSHOT_PREFIX=run,
               SNAPSHOT_CACHE=f"{place}/cache", CURL_KEY=f"{place}/curl-key")
    with open(env["CURL_KEY"], "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f'user = "{env["AWS_ACCESS_KEY_ID"]}:{env["AWS_SECRET_ACCESS_KEY"]}"\n')
    pack = f"tar -C {tree} -c . | zstd -q -3 -T2 -f -o {place}/tar.zst && {CURL} -T {place}/tar.zst {ENDPOINT}/{key}-tar"
    take, send = f"$OURS take {tree}", f"{RCLONE} sync {tree} s:{key}-rclone"
    backup = f"cd {tree} && restic -q backup ."
    return env, {
        "ours": [take, take, f"$OURS restore {target}"],
        "restic": [backup, backup, f"restic -q restore latest --target {target}"],
        "rclone": [send, send, f"{RCLONE} sync s:{key}-rclone {target}"],
        "tar_zstd": [pack, pack, f"mkdir {target} && {CURL} {ENDPOINT}/{key}-tar | zstd -q -d | tar -C {target} -x"],
    }


def timed(command, env):
    """Seconds, the last line of what it said, and the most memory of one process in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command if "|" in command or "&&" in command else f"exec {command}"],
                               env=env, stdout=subprocess.PIPE, start_new_session=True, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"failed: {command}\n{said}")
    return seconds, (said.splitlines() or [""])[-1].split(), usage.ru_maxrss / 1024


def bench(place, rounds):
    times = {step: {tool: [] for tool in TOOLS} for step in STEPS}
    sent, requests, peak = [], [], []
    for number in range(rounds):
        os.makedirs(f"{place}/tree")
        plant(f"{place}/tree")
        env, steps = commands(place, f"bench-{uuid.uuid4()}")
        subprocess.run(["restic", "-q", "init"], env=env, check=True)
        for at, step in enumerate(STEPS):
            if step == "one_file":
                crate = sorted(os.listdir(f"{place}/tree"))[number]
                with open(f"{place}/tree/{crate}/Cargo.toml", "a", encoding="utf-8") as file:
                    file.write("# one more line\n")
            for turn in range(len(TOOLS)):
                tool = TOOLS[(turn + number) % len(TOOLS)]
                seconds, said, memory = timed(steps[tool][at], env)
                times[step][tool].append(seconds)
                if tool == "ours":
                    peak.append(memory)
                    if step == "one_file":
                        requests.append(int(said[1])), sent.append(int(said[3]))
                if step == "restore":
                    subprocess.run(["diff", "-r", "--no-dereference", f"{place}/tree", f"{place}/target"], check=True)
                    shutil.rmtree(f"{place}/target")
        for name in ["tree", "cache", "restic-cache"]:
            shutil.rmtree(f"{place}/{name}", ignore_errors=True)
    result = {step: {tool: round(statistics.median(of), 3) for tool, of in by.items()} for step, by in times.items()}
    # Counted in our own HTTP layer: every attempt, bodies without heads.
    result.update(increment_bytes=max(sent), increment_requests=max(requests), peak_mib=round(max(peak), 1))
    return result


def main():
    disk = int(os.environ.get("DISK_ROUNDS", "1"))
    if disk:
        print("disk ", json.dumps(bench(os.environ["DISK"], disk)), flush=True)
    print(json.dumps(bench(os.environ["MEMORY"], int(os.environ.get("ROUNDS", "3")))))


main()
