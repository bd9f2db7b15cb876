//! HTTP for the store on what the house has already: hyper and rustls.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector as TcpConnector};
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::ClientConfig;
use tokio::time::{Instant, Sleep, sleep};

use crate::objects::Traffic;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a storage may think before it answers.
const ANSWER: Duration = Duration::from_mins(1);
/// How long it may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// Makes clients that count what they send and receive.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) traffic: Traffic,
    /// Whom to trust; `None` for plain http.
    pub(super) tls: Option<ClientConfig>,
}

#[derive(Debug)]
struct Service<C> {
    client: Client<C, HttpRequestBody>,
    traffic: Traffic,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let builder = Client::builder(TokioExecutor::new());
        let traffic = self.traffic.clone();
        let Some(tls) = self.tls.clone() else {
            return Ok(HttpClient::new(Service { client: builder.build(tcp), traffic }));
        };
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(tcp);
        Ok(HttpClient::new(Service { client: builder.build(https), traffic }))
    }
}

#[async_trait]
impl<C> HttpService for Service<C>
where
    C: Connect + Clone + Debug + Send + Sync + 'static,
{
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.traffic.request(request.body().size_hint().exact().unwrap_or_default());
        let answer = tokio::time::timeout(ANSWER, self.client.request(request)).await;
        let response = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let (parts, body) = response.map_err(|error| failed(error.is_connect(), error))?.into_parts();
        let body = Received { body, traffic: self.traffic.clone(), silence: Box::pin(sleep(SILENCE)) };
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// A body that is counted, and that ends with an error when nothing comes for too long.
struct Received<B> {
    body: B,
    traffic: Traffic,
    silence: Pin<Box<Sleep>>,
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: StdError + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let late = || io::Error::new(io::ErrorKind::TimedOut, "the storage stopped in the middle of an answer");
            let silence = this.silence.as_mut().poll(context);
            return silence.map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, late()))));
        };
        this.silence.as_mut().reset(Instant::now() + SILENCE);
        if let Some(Ok(frame)) = &frame {
            this.traffic.response(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|error| failed(false, error))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What may be tried again: what broke on the way, not what made no sense.
fn failed(connect: bool, error: impl StdError + Send + Sync + 'static) -> HttpError {
    HttpError::new(if connect { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted }, error)
}
