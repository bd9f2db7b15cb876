"""Drives the whole main job through the HTTP API of a running master, and prints every step with its time.

Reads API, TOKEN, FLEET_SERVERS (the JSON of fleet/up), and where there are Docker servers GIT (the JSON of
fleet/git-server up), REPOSITORY and S3_*. The last line is one JSON object; docs/tour.md says what stands in it.
"""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

API = os.environ["API"]
TOKEN = os.environ["TOKEN"]
SERVERS = json.loads(os.environ.get("FLEET_SERVERS", "[]"))
LOCAL = os.environ.get("SERVERS") == "local"
GIT = json.loads(os.environ["GIT"]) if os.environ.get("GIT") else None
IMAGE = "workspace-base"

# One line for every file, link and folder, in the order of their names: kind, mode, what is in it, path.
TREE_HASH = r"""find . -mindepth 1 | LC_ALL=C sort | while IFS= read -r p; do
if [ -L "$p" ]; then printf 'l %s %s\n' "$(readlink "$p")" "$p"
elif [ -d "$p" ]; then printf 'd %s %s\n' "$(stat -c %a "$p")" "$p"
else printf 'f %s %s %s\n' "$(stat -c %a "$p")" "$(sha256sum < "$p" | cut -d ' ' -f 1)" "$p"; fi
done | sha256sum | cut -d ' ' -f 1"""

times = {}


class Failed(Exception):
    """The tour cannot go on."""


def call(method, path, body=None, raw=None, accept=None, allow=(), headers=None):
    data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
    request = urllib.request.Request(f"{API}/api/v1{path}", method=method, data=data)
    request.add_header("Authorization", f"Bearer {TOKEN}")
    if data is not None:
        request.add_header("Content-Type", "application/json" if raw is None else "application/octet-stream")
    if accept:
        request.add_header("Accept", accept)
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=180) as answer:
            text = answer.read()
            return json.loads(text) if text[:1] in (b"{", b"[") else text
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        if error.code in allow:
            return None
        raise Failed(f"{method} {path} answered {error.code}: {text}") from error


def demand(is_so, what):
    if not is_so:
        raise Failed(what)


def step(name, work):
    begun = time.monotonic()
    said, result = work()
    took = time.monotonic() - begun
    times[name] = round(took, 3)
    print(f"{len(times):>3}. {name:<34}{took:>8.2f} s   {said}", flush=True)
    return result


def exec_in(workspace, line):
    answer = call("POST", f"/workspaces/{workspace}/exec", {"argv": ["sh", "-c", line], "timeout": "120s"})
    demand(answer["exit_code"] == 0, f"`{line}` ended with {answer['exit_code']}: {answer['stderr']}")
    return answer["stdout"].strip()


def done(job):
    demand(job["status"] == "done", f"a job is {job['status']}: {json.dumps(job['error'])} {json.dumps(job['steps'])}")
    return job


def running(workspace):
    demand(workspace["status"] == "running", f"the workspace is {workspace['status']}: {json.dumps(workspace['error'])}")
    return workspace


def workspace_on(project, name, server):
    return running(call("POST", "/workspaces?wait=120", {
        "name": name, "project": project, "image": IMAGE, "command": ["sh", "-c", "echo ready; exec sleep infinity"],
        "resources": {"cpu_millis": 500, "memory_mib": 256, "disk_gib": 1},
        "placement": {"strategy": "spread"} if server is None else {"server": server, "required": True},
    }))


def events(session, after=0, last=None):
    """The session's events as a client of the stream sees them, up to the end of a run."""
    request = urllib.request.Request(f"{API}/api/v1/sessions/{session}/events")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    request.add_header("Last-Event-ID", str(after))
    seen, kind, data, number = [], None, None, None
    with urllib.request.urlopen(request, timeout=180) as stream:
        for line in stream:
            line = line.decode().rstrip("\n")
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                data = line[5:].strip()
            elif line.startswith("id:"):
                number = int(line[3:])
            elif not line and kind and number is not None:
                seen.append((number, kind, json.loads(data)))
                if kind == "execution.finished" or number == last:
                    return seen
                kind = data = number = None
    raise Failed("the stream ended before the run did")


def git_head(branch):
    """What the git server itself says of a branch."""
    repository = os.path.join(GIT["root"], os.environ["REPOSITORY"] + ".git")
    command = ["/usr/bin/git", "-c", "safe.directory=*", "-C", repository, "rev-parse", f"refs/heads/{branch}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def bucket(prefix):
    """The names of the objects in the bucket, as S3 lists them."""
    url = f"{os.environ['S3_ENDPOINT']}/{os.environ['S3_BUCKET']}?list-type=2&prefix={prefix}"
    with tempfile.NamedTemporaryFile("w") as config:
        config.write(f'user = "{os.environ["S3_ACCESS_KEY_ID"]}:{os.environ["S3_SECRET_ACCESS_KEY"]}"\n')
        config.flush()
        region = os.environ.get("S3_REGION", "us-east-1")
        command = ["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--aws-sigv4", f"aws:amz:{region}:s3", "-K", config.name, url]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [part.split("</Key>")[0] for part in listing.split("<Key>")[1:]]


def engine(server, path):
    """Asks a Docker Engine itself."""
    context = None
    if server.get("tls"):
        context = ssl.create_default_context(cadata=server["tls"]["ca"])
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(server["tls"]["cert"] + server["tls"]["key"])
            file.flush()
            context.load_cert_chain(file.name)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(f"{server['endpoint']}{path}", timeout=20) as answer:
        return json.loads(answer.read())


def left_over(fleet):
    """Everything of this fleet on every server, but for the volume that carries the worker program."""
    found = []
    for server in SERVERS:
        def ours(labels):
            return (labels or {}).get("fleet.id") == fleet and labels.get("fleet.kind") != "worker"
        found += [one["Names"][0] for one in engine(server, "/containers/json?all=1") if ours(one["Labels"])]
        found += [one["Name"] for one in engine(server, "/networks") if ours(one["Labels"])]
        found += [one["Name"] for one in engine(server, "/volumes")["Volumes"] or [] if ours(one["Labels"])]
    return found


def wait_for_nothing(fleet):
    limit = time.monotonic() + 90
    while left := left_over(fleet):
        demand(time.monotonic() < limit, f"still on the servers: {', '.join(left)}")
        time.sleep(1)
    return f"nothing of ours on {len(SERVERS)} servers", None


def tour():
    fleet = call("GET", "/admin/fleet")["id"]

    def both():
        servers = call("GET", "/admin/servers")["items"]
        ready = [server["name"] for server in servers if server["availability"] == "healthy"]
        demand(len(ready) >= 2, f"two healthy servers are needed, these are: {ready}")
        return ", ".join(ready), ready
    names = step("servers", both)

    def project_made():
        source = None
        if GIT:
            url = f"{GIT['https']}/{os.environ['REPOSITORY']}.git"
            source = {"git": {"url": url, "branch": "main", "token": f"{GIT['username']}:{GIT['token']}"}}
        project = call("POST", "/projects", {"name": f"tour-{time.time_ns()}", "source": source})
        return f"{project['id']}" + (f" from {source['git']['url']}" if source else ", empty"), project["id"]
    project = step("project", project_made)

    def first_workspace():
        workspace = workspace_on(project, f"tour-{time.time_ns()}", None)
        return f"on {workspace['server']}: {workspace['placement']['reason']}", workspace
    workspace = step("workspace", first_workspace)
    first, here = workspace["id"], workspace["server"]
    there = next(name for name in names if name != here)

    step("exec", lambda: (exec_in(first, "echo hello from $(uname -s); ls -A | head -5 | tr '\\n' ' '"), None))

    def files():
        call("PUT", f"/workspaces/{first}/files/tour/today.txt", raw=b"written through the API\n")
        listed = call("GET", f"/workspaces/{first}/files?path=tour")["items"]
        demand([one["path"] for one in listed] == ["tour/today.txt"], f"not what was written: {listed}")
        text = call("GET", f"/workspaces/{first}/files/tour/today.txt")
        demand(text == b"written through the API\n", f"not what was written: {text}")
        return "tour/today.txt written, listed, read", None
    step("files", files)

    def logs():
        text = call("GET", f"/workspaces/{first}/logs?tail=10&follow=false", accept="text/event-stream")
        demand(b"ready" in text, f"the log has no line of the program: {text}")
        return "the program's own line is there", None
    step("logs", logs)

    def change():
        exec_in(first, "mkdir -p src && seq 1 5000 > src/numbers && ln -sfn src/numbers link && chmod 750 src && printf 'x' > 'a name with spaces'")
        return "a folder, 5,000 lines, a link, a name with spaces", None
    step("change files", change)

    commit = None
    if GIT:
        def push():
            job = done(call("POST", f"/workspaces/{first}/sync?wait=120", {"backend": "git", "direction": "push", "message": "work of the tour"}))
            demand(git_head("main") == job["revision"], f"the git server has {git_head('main')}, not {job['revision']}")
            return f"{job['files_changed']} files as {job['revision'][:12]}, as the git server says too", job["revision"]
        commit = step("commit and push", push)

    before = step("tree hash", lambda: (lambda found: (found[:16], found))(exec_in(first, TREE_HASH)))

    def snapshot():
        row = call("POST", f"/projects/{project}/snapshots?wait=120", {"message": "of the tour"})
        demand(row["status"] == "ready", f"the snapshot is {row['status']}: {json.dumps(row['error'])}")
        if os.environ.get("S3_ENDPOINT"):
            keys = bucket(os.environ.get("S3_PREFIX", ""))
            demand(any(row["id"] in key for key in keys), f"the bucket has no snapshot {row['id']}")
        return f"{row['files']} files, {row['bytes_uploaded']} bytes uploaded", row["id"]
    taken = step("snapshot", snapshot)

    step("stop", lambda: (call("POST", f"/workspaces/{first}/stop?wait=60")["status"], None))
    step("start", lambda: (running(call("POST", f"/workspaces/{first}/start?wait=60"))["status"], None))

    def delete():
        gone = call("DELETE", f"/workspaces/{first}?wait=60")
        demand(gone["status"] == "deleted", f"the workspace is {gone['status']}")
        call("DELETE", f"/projects/{project}")
        return "workspace, project and volume", None
    step("delete workspace and volume", delete)

    def restore():
        source = {"snapshot": taken}
        new = call("POST", "/projects", {"name": f"tour-{time.time_ns()}", "source": source})["id"]
        workspace = workspace_on(new, f"tour-{time.time_ns()}", there)
        demand(workspace["server"] == there, f"it is on {workspace['server']}")
        return f"on {there}, the other server", (new, workspace["id"])
    restored, second = step("restore elsewhere", restore)

    def same():
        after = exec_in(second, TREE_HASH)
        demand(after == before, f"the tree is another: {after}")
        return "identical", after
    after = step("tree hash of the restored", same)

    call("DELETE", f"/workspaces/{second}?wait=60")
    agents = restored
    if GIT:
        def fresh():
            url = f"{GIT['https']}/{os.environ['REPOSITORY']}.git"
            source = {"git": {"url": url, "branch": "main", "token": f"{GIT['username']}:{GIT['token']}"}}
            return "a project of its own", call("POST", "/projects", {"name": f"tour-{time.time_ns()}", "source": source})["id"]
        agents = step("project for the agent", fresh)

    def execute():
        line = "cat > /dev/null; for n in 1 2 3 4 5; do echo step $n; sleep 0.2; done; echo edited by an agent > AGENT.md"
        started = call("POST", "/execute", {
            "project": agents, "prompt": "add a note of yourself", "resources": {"cpu_millis": 500, "memory_mib": 256, "disk_gib": 1},
            "agent": {"kind": "command", "image": IMAGE, "argv": ["sh", "-c", line], "timeout": "2m"},
            "credentials": {"TOUR_SECRET": "a secret of the tour"},
            "on_success": {"commit": bool(GIT), "push": bool(GIT), "snapshot": True},
        }, accept="application/json")
        seen = events(started["session"])
        last = seen[-1][2]
        demand(last["status"] == "succeeded", f"the run {last['status']}: {json.dumps(last)}")
        if GIT:
            pushed = last["push"]["report"]["revision"]
            demand(git_head(started["branch"]) == pushed, f"the git server has {git_head(started['branch'])} on {started['branch']}")
        demand(last["snapshot"]["status"] == "done", json.dumps(last))
        return f"{len(seen)} events; branch {started['branch']}", (started, seen)
    started, seen = step("execute, commit, push, snapshot", execute)
    run = seen[-1][2]

    def resume():
        middle = seen[len(seen) // 2][0]
        again = events(started["session"], after=middle)
        demand(again == [event for event in seen if event[0] > middle], "the stream is another")
        return f"{len(again)} events after number {middle}, exactly those", None
    step("resume from the middle", resume)

    def clean():
        call("DELETE", f"/sessions/{started['session']}")
        for one in {restored, agents}:
            call("DELETE", f"/projects/{one}", allow=(404,))
        return "session and projects", None
    step("clean up", clean)
    if SERVERS:
        step("nothing is left", lambda: wait_for_nothing(fleet))

    agent_commit = run["push"]["report"]["revision"] if GIT else None
    print(json.dumps({
        "commit": commit, "agent_commit": agent_commit, "agent_branch": started["branch"] if GIT else None,
        "snapshot": taken, "agent_snapshot": run["snapshot"]["report"].get("version"), "project": project, "fleet": fleet,
        "server": here, "restored_on": there, "tree_hash": before, "restored_tree_hash": after, "seconds": times,
    }))


try:
    tour()
except Failed as failed:
    sys.exit(f"tour: step {len(times) + 1} failed: {failed}")
