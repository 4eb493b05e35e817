use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use super::*;
use crate::files::{FileSet, Shelf, sha256};
use crate::progress::Silent;
use crate::source::Source;

const BODY: &[u8] = b"the content of the file";

/// Answers so many requests by their path, then stops.
fn server(requests: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            answer(stream.unwrap());
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .for_each(drop);
    let path = request.split(' ').nth(1).unwrap();
    let (status, stated, body) = match path {
        "/good/file" => ("200 OK", BODY.len(), BODY),
        "/cut/file" => ("200 OK", BODY.len(), &BODY[..10]),
        "/wrong/file" => ("200 OK", 5, &b"other"[..]),
        "/long/file" => ("200 OK", 1 << 20, &[7_u8; 1 << 20][..]),
        _ => ("404 Not Found", 0, &b""[..]),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {stated}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // The client may hang up before a body that it does not want has been sent.
    let _ = stream.write_all(body);
}

fn spec(addresses: Vec<String>) -> FileSpec {
    FileSpec {
        name: "file".to_owned(),
        sha256: Some(sha256(BODY)),
        bytes: BODY.len(),
        addresses,
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .map(|found| found.map(|entry| entry.unwrap().file_name()))
        .into_iter();
    entries
        .flatten()
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn failure(path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("{}/{path}/file", server(1));
    let error = fetch(&address, folder.path(), &spec(vec![]), &Silent)
        .unwrap_err()
        .to_string();
    assert_eq!(
        entries(folder.path()),
        Vec::<String>::new(),
        "a failure leaves nothing behind"
    );
    error
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn begin(&self, file: &str, total: Option<u64>) {
        self.0.lock().unwrap().push(format!("{file} {total:?}"));
    }
    fn advance(&self, bytes: u64) {
        self.0.lock().unwrap().push(bytes.to_string());
    }
    fn end(&self) {
        self.0.lock().unwrap().push("end".to_owned());
    }
}

#[test]
fn a_file_is_fetched_checked_and_put_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("set");
    let heard = Heard::default();
    let content = fetch(&format!("{}/good/file", server(1)), &into, &spec(vec![]), &heard).unwrap();
    assert_eq!(content.bytes, BODY);
    assert_eq!(fs::read(into.join("file")).unwrap(), BODY);
    assert_eq!(entries(&into), ["file"]);
    let heard = heard.0.into_inner().unwrap();
    assert_eq!(heard[0], "file Some(23)");
    assert_eq!(
        heard[1..heard.len() - 1]
            .iter()
            .map(|n| n.parse::<usize>().unwrap())
            .sum::<usize>(),
        23
    );
    assert_eq!(heard.last().unwrap(), "end");
}

#[test]
fn a_body_cut_short_is_refused_with_both_sizes() {
    let error = failure("cut");
    assert!(error.contains("expected 23 bytes, found 10"), "{error}");
}

#[test]
fn other_content_is_refused_by_its_sum() {
    let error = failure("wrong");
    assert!(
        error.contains("wrong checksum") && error.contains(&sha256(BODY)) && error.contains(&sha256(b"other")),
        "{error}"
    );
}

#[test]
fn an_address_without_the_file_says_404() {
    assert!(failure("nowhere").contains("404"));
}

#[test]
fn a_body_far_beyond_the_files_size_is_given_up() {
    let error = failure("long");
    assert!(error.contains("/long/file") && error.contains("limit"), "{error}");
}

#[test]
fn an_address_that_nobody_answers_is_given_up_in_time() {
    // The port of a connection's other end: nobody listens there, and the system gives it to no other test meanwhile.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = caller.local_addr().unwrap().port();
    let start = std::time::Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let address = format!("http://127.0.0.1:{port}/good/file");
    assert!(fetch(&address, folder.path(), &spec(vec![]), &Silent).is_err());
    assert!(start.elapsed() < CONNECT_LIMIT + Duration::from_secs(1));
}

fn open(addresses: Vec<String>, download: bool, folder: &Path) -> Result<Content> {
    let source = Source {
        directory: Some(folder.to_path_buf()),
        fallback: false,
        download,
        ..Source::default()
    };
    let set = FileSet {
        set: "set".to_owned(),
        folders: vec!["set".to_owned(), String::new()],
        foreign: vec![],
        command: |_| "the command".to_owned(),
    };
    Shelf {
        source: &source,
        progress: &Silent,
    }
    .open(&set, &spec(addresses))
}

#[test]
fn the_next_mirror_is_tried_when_one_fails_and_the_file_is_then_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(3);
    let addresses = ["nowhere", "cut", "good"]
        .map(|path| format!("{server}/{path}/file"))
        .to_vec();
    assert_eq!(open(addresses, true, folder.path()).unwrap().bytes, BODY);
    // No address this time: only the disk can give it.
    assert_eq!(open(vec![], false, folder.path()).unwrap().bytes, BODY);
}

#[test]
fn a_file_that_no_mirror_gives_lists_every_address_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(2);
    let addresses = ["nowhere", "wrong"]
        .map(|path| format!("{server}/{path}/file"))
        .to_vec();
    let error = open(addresses.clone(), true, folder.path()).unwrap_err();
    assert!(error.is_missing());
    let text = error.to_string();
    assert!(
        text.contains("404") && text.contains("wrong checksum") && text.contains("the command"),
        "{text}"
    );
    assert!(addresses.iter().all(|address| text.contains(address)), "{text}");
    assert!(
        open(addresses, false, folder.path())
            .unwrap_err()
            .to_string()
            .contains("no download was tried")
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken");
    fs::write(&file, b"").unwrap();
    let error = place(BODY, &file.join("below")).unwrap_err().to_string();
    assert!(error.contains("taken"), "{error}");
}
