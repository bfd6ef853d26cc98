//! A proxy between a writer and Postgres that breaks a connection at a statement.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinHandle,
};

/// The point at which the connection breaks.
#[derive(Clone, Copy)]
pub struct Cut {
    /// The bytes of the message at which it breaks.
    pub at: &'static [u8],
    /// Whether Postgres receives and executes that message before the connection breaks.
    pub delivered: bool,
}

pub struct Proxy {
    port: u16,
    armed: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Starts the proxy, unarmed.
    pub async fn start(to: &PgConnectOptions, cut: Cut) -> Self {
        let socket = to.get_socket().expect("the cluster listens on a unix socket").join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, armed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let serving = tokio::spawn(serve(listener, socket, cut, armed.clone()));
        Self { port, armed, serving }
    }

    /// Returns the options to connect through the proxy.
    pub fn options(&self, to: &PgConnectOptions) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        options.ssl_mode(PgSslMode::Disable).database(to.get_database().unwrap())
    }

    /// Arms the proxy: the next matching message breaks its connection. Later ones pass.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Returns whether the proxy has broken a connection.
    pub fn has_cut(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, socket: PathBuf, cut: Cut, armed: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass(client, socket.clone(), cut, armed.clone()));
    }
}

/// Forwards bytes in both directions until one side closes the connection, or until the cut.
async fn pass(mut client: TcpStream, socket: PathBuf, cut: Cut, armed: Arc<AtomicBool>) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket).await?;
    let (mut request, mut answer) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let message = &request[..read?];
                let fits = message.windows(cut.at.len()).any(|bytes| bytes == cut.at);
                let cuts = fits && armed.swap(false, Ordering::SeqCst);
                if message.is_empty() || (cuts && !cut.delivered) {
                    return Ok(());
                }
                server.write_all(message).await?;
                if cuts {
                    // The answer shows that Postgres has executed the message. The client never sees it.
                    assert_ne!(server.read(&mut answer).await?, 0);
                    return Ok(());
                }
            }
            read = server.read(&mut answer) => {
                let message = &answer[..read?];
                if message.is_empty() {
                    return Ok(());
                }
                client.write_all(message).await?;
            }
        }
    }
}
