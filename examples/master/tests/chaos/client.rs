//! A client that goes on until it is told: it repeats what got no answer, with the same key.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::history::{File, History};

/// No fault lasts this long.
const STUBBORN: Duration = Duration::from_mins(4);

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) api: Api,
    pub(crate) history: Arc<History>,
}

/// A small workspace that runs until it is ended.
pub(crate) fn sleeper(name: &str) -> Value {
    json!({
        "name": name, "image": "workspace-base", "command": ["sleep", "infinity"],
        "resources": { "cpu_millis": 10, "memory_mib": 16, "disk_gib": 1 },
    })
}

impl Client {
    /// Makes a workspace; its id.
    pub(crate) fn create(&self, body: &Value) -> String {
        let name = body["name"].as_str().unwrap();
        self.history.change(name, |_| ());
        let answer = self.insist("create", "POST", "/workspaces", name, body.to_string().as_bytes());
        let id = answer.ok()["id"].as_str().unwrap().to_owned();
        self.history.change(name, |known| known.id = Some(id.clone()));
        id
    }

    /// Asks for a deletion until it is acknowledged. The end of it is not waited for.
    pub(crate) fn delete(&self, name: &str) {
        let id = self.id(name);
        self.history.change(name, |known| known.may_be_gone = true);
        let answer = self.insist("delete", "DELETE", &format!("/workspaces/{id}"), name, b"");
        assert!(answer.is_ok() || answer.status == 404, "{answer:?}");
        self.history.change(name, |known| known.must_go = true);
    }

    /// Asks once for a file to be written.
    pub(crate) fn write(&self, name: &str, path: &str, text: &str) -> bool {
        let id = self.id(name);
        self.history.change(name, |known| known.files.entry(path.to_owned()).or_default().texts.push(text.to_owned()));
        let asked = self.api.call("PUT", &format!("/workspaces/{id}/files/{path}"), text.as_bytes(), None);
        let written = asked.as_ref().is_ok_and(Answer::is_ok);
        self.history.note("write", name, &said(&asked));
        if written {
            let file = File { is_there: true, texts: vec![text.to_owned()] };
            self.history.change(name, |known| drop(known.files.insert(path.to_owned(), file)));
        }
        written
    }

    pub(crate) fn id(&self, name: &str) -> String {
        self.history.known()[name].id.clone().unwrap()
    }

    /// The row of a workspace, from a master that is well.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> Value {
        self.api.get(&format!("/workspaces/{}", self.id(name)))
    }

    /// Repeats what was not answered, and what the server said to repeat.
    pub(crate) fn insist(&self, what: &str, method: &str, path: &str, name: &str, body: &[u8]) -> Answer {
        let deadline = Instant::now() + STUBBORN;
        loop {
            let asked = self.api.call(method, path, body, (method == "POST").then_some(name));
            self.history.note(what, name, &said(&asked));
            match asked {
                Ok(answer) if answer.status < 429 => return answer,
                asked => assert!(Instant::now() < deadline, "{what} {name} is not answered: {asked:?}"),
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn said(asked: &io::Result<Answer>) -> Value {
    match asked {
        Ok(answer) => json!({ "status": answer.status, "id": answer.body["id"], "code": answer.body["code"] }),
        Err(error) => Value::from(error.to_string()),
    }
}
