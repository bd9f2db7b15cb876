//! Bodies that are too large, over a real connection: the answer must arrive.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{ADMIN, Rig};

/// Sends a request whose body is written in full before anything is read, as simple clients do.
async fn send(rig: &Rig, head: &str, size: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = rig.app.clone();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nHost: test\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; size]).await.expect("the server reads everything");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("no reset");
    server.abort();
    answer
}

#[tokio::test]
async fn a_large_body_is_answered() {
    let rig = Rig::empty().await;
    let authorized = format!("POST /api/v1/workspaces HTTP/1.1\r\nAuthorization: Bearer {ADMIN}");
    let answer = send(&rig, &authorized, 10 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
    // Also where nobody looks at the body at all.
    let answer = send(&rig, "POST /api/v1/workspaces HTTP/1.1", 10 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let answer = send(&rig, "POST /nowhere HTTP/1.1", 10 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let answer = send(&rig, "PUT /api/v1/workspaces HTTP/1.1", 10 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    // A body of the largest size is read: it is white space, so it is not JSON.
    let answer = send(&rig, &authorized, 2 << 20).await;
    assert!(answer.contains("malformed_json"), "{answer}");
}

#[tokio::test]
async fn a_large_file_is_refused() {
    let rig = Rig::new().await;
    let path = rig.workspace("hello").await;
    let head = format!("PUT {path}/files/big HTTP/1.1\r\nAuthorization: Bearer {ADMIN}");
    let answer = send(&rig, &head, (64 << 20) + 1).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let answer = send(&rig, &head, 64 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
