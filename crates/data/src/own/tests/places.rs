//! Where descriptors are written, and where they are found.

use super::*;

fn beside(folder: &TempDir) -> PathBuf {
    folder.path().join("beside")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    found.sort();
    found
}

#[test]
fn a_set_in_a_folder_that_cannot_be_written_is_described_in_the_project() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "beside/shop.csv", small());
    let mut permissions = fs::metadata(beside(&folder)).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(beside(&folder), permissions.clone()).unwrap();
    let set = read(&file, &folder, &[("target", "bought")]).unwrap();
    // Whoever may write everywhere sees that nothing was written.
    assert_eq!(files(&beside(&folder)), [file]);
    let described = fs::read_to_string(folder.path().join("data/shop.toml")).unwrap();
    assert!(described.contains("path = \"../beside/shop.csv\""), "{described}");
    let by_name = load_uncached("shop", &source(&folder), &LoadOptions::default()).unwrap();
    assert_eq!(by_name.train, set.train);
    #[expect(clippy::permissions_set_readonly_false, reason = "the folder is to be removed")]
    permissions.set_readonly(false);
    fs::set_permissions(beside(&folder), permissions).unwrap();
}

#[test]
fn descriptors_beside_the_sets_are_found_and_those_of_the_project_come_first() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "beside/shop.csv", small());
    let hand = "path = \"shop.csv\"\nformat = \"csv\"\ntarget = \"bought\"\ntask = \"classes\"\n";
    write(&folder, "beside/shop.toml", hand);
    let by_name = load_uncached("shop", &source(&folder), &LoadOptions::default()).unwrap();
    let by_path = read(&file, &folder, &[]).unwrap();
    assert_eq!(by_name.train, by_path.train);
    assert!(
        files(&folder.path().join("data")).is_empty(),
        "one descriptor is enough"
    );
    // Another file of that name is the project's own.
    let own = write(&folder, "mine/shop.csv", small().replace("size", "weight"));
    read(&own, &folder, &[("target", "weight")]).unwrap();
    let named = load_uncached("shop", &source(&folder), &LoadOptions::default()).unwrap();
    assert_eq!(named.info.targets, TargetKind::Classes(10));
    assert!(
        describe("shop", &source(&folder), &OwnData::default(), None)
            .unwrap()
            .path
            .ends_with("data/shop.toml")
    );
}

#[test]
fn a_descriptor_is_written_where_it_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let file = write(&folder, "shop.csv", small());
    let own = own(&[("target", "bought")]).own;
    let beside = folder.path().join("sales.toml");
    let (file, source) = (file.to_str().unwrap(), source(&folder));
    let described = describe(file, &source, &own, Some(&beside)).unwrap();
    assert_eq!(
        (described.path.as_path(), described.handle.as_str()),
        (&*beside, beside.to_str().unwrap())
    );
    assert_eq!(described.dataset.info.name, "sales");
    let again = load_uncached(beside.to_str().unwrap(), &source, &LoadOptions::default()).unwrap();
    assert_eq!(again.test, described.dataset.test);
    assert_eq!(describe(file, &source, &own, None).unwrap().handle, "shop");
    let error = describe(file, &source, &own, Some(Path::new("sales.csv")))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sales.csv: expected a descriptor whose name ends in .toml"),
        "{error}"
    );
}

#[test]
fn a_sum_that_cannot_be_pinned_is_said_with_the_line_to_add() {
    let folder = TempDir::new().unwrap();
    write(&folder, "beside/shop.csv", small());
    let hand = "path = \"shop.csv\"\nformat = \"csv\"\ntarget = \"bought\"\ntask = \"classes\"\n";
    write(&folder, "beside/shop.toml", hand);
    // A folder in the place of the draft: not even root can write there.
    fs::create_dir(beside(&folder).join(format!("shop.toml.{}.draft", std::process::id()))).unwrap();
    let error = load_uncached("shop", &source(&folder), &LoadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("shop.toml: expected the line sha256 = \"") && error.contains("cannot write"),
        "{error}"
    );
}
