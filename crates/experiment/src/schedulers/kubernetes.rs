//! The manifest of an indexed Job for Kubernetes.

use super::Array;

/// What the Job needs beyond the array.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) image: String,
    pub(crate) claim: String,
    pub(crate) parallelism: usize,
    pub(crate) gpus: usize,
}

/// Where the claim is mounted in every container.
pub(crate) const MOUNT: &str = "/espalier";

/// Writes the manifest; Kubernetes numbers pods through `JOB_COMPLETION_INDEX`.
///
/// # Method
/// Evicted pods, and those that left early when asked to (code 75), do not count as failures; an element
/// that fails is started again up to six times, and finds its trials' checkpoints. 30 seconds of grace cover the 20 that a
/// worker takes to leave.
pub(crate) fn manifest(array: &Array, pod: &Pod) -> String {
    let command: Vec<String> = array
        .command
        .iter()
        .map(|word| format!("            - {}", yaml(word)))
        .collect();
    let gpus = match pod.gpus {
        0 => String::new(),
        count => format!("\n            limits:\n              nvidia.com/gpu: {count}"),
    };
    format!(
        "# {trials} trials, {chunk} to a pod. Pods skip what is recorded: apply this manifest again at any time.\n\
         apiVersion: batch/v1\n\
         kind: Job\n\
         metadata:\n  \
           name: {name}\n\
         spec:\n  \
           completionMode: Indexed\n  \
           completions: {elements}\n  \
           parallelism: {parallelism}\n  \
           backoffLimitPerIndex: 6\n  \
           maxFailedIndexes: {elements}\n  \
           podFailurePolicy:\n    \
             rules:\n      \
               - action: Ignore\n        \
                 onPodConditions:\n          \
                   - type: DisruptionTarget\n      \
               - action: Ignore\n        \
                 onExitCodes:\n          \
                   containerName: worker\n          \
                   operator: In\n          \
                   values: [75]\n  \
           template:\n    \
             spec:\n      \
               restartPolicy: Never\n      \
               terminationGracePeriodSeconds: 30\n      \
               containers:\n        \
                 - name: worker\n          \
                   image: {image}\n          \
                   command:\n{command}\n          \
                   resources:\n            \
                     requests:\n              \
                       cpu: {cpus}{gpus}\n          \
                   volumeMounts:\n            \
                     - name: espalier\n              \
                       mountPath: {MOUNT}\n      \
               volumes:\n        \
                 - name: espalier\n          \
                   persistentVolumeClaim:\n            \
                     claimName: {claim}\n",
        trials = array.trials,
        chunk = array.chunk,
        name = yaml(&dns_name(&array.name)),
        elements = array.elements(),
        parallelism = pod.parallelism.clamp(1, array.elements().max(1)),
        image = yaml(&pod.image),
        command = command.join("\n"),
        cpus = array.cpus,
        claim = yaml(&pod.claim),
    )
}

/// Quotes a word for YAML: a JSON string is one.
fn yaml(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// Turns a name into what Kubernetes takes: lower-case letters, digits and dashes, at most 52.
fn dns_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let text: String = name.chars().map(plain).take(52).collect();
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::array;
    use super::*;
    use yaml_rust2::{Yaml, YamlLoader};

    fn pod() -> Pod {
        Pod {
            image: "site/espalier:1".into(),
            claim: "shared".into(),
            parallelism: 16,
            gpus: 1,
        }
    }

    fn parsed(pod: &Pod) -> Yaml {
        let documents = YamlLoader::load_from_str(&manifest(&array(60, 20), pod)).unwrap();
        assert_eq!(documents.len(), 1);
        documents[0].clone()
    }

    fn keys(yaml: &Yaml) -> Vec<&str> {
        let keys = yaml.as_hash().unwrap().keys();
        keys.map(|key| key.as_str().unwrap()).collect()
    }

    // Names, places and kinds of the fields are those of the reference "Job" and "Pod" of Kubernetes 1.33.
    #[test]
    fn the_manifest_is_an_indexed_job_of_batch_v1() {
        let job = parsed(&pod());
        assert_eq!(keys(&job), ["apiVersion", "kind", "metadata", "spec"]);
        assert_eq!(job["apiVersion"].as_str(), Some("batch/v1"));
        assert_eq!(job["kind"].as_str(), Some("Job"));
        assert_eq!(job["metadata"]["name"].as_str(), Some("walk-quick"));
        let spec = &job["spec"];
        assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
        assert_eq!(spec["completions"].as_i64(), Some(20));
        assert_eq!(spec["parallelism"].as_i64(), Some(16));
        assert_eq!(spec["backoffLimitPerIndex"].as_i64(), Some(6));
        let rules = spec["podFailurePolicy"]["rules"].as_vec().unwrap();
        assert!(rules.iter().all(|rule| rule["action"].as_str() == Some("Ignore")));
        assert_eq!(
            rules[0]["onPodConditions"][0]["type"].as_str(),
            Some("DisruptionTarget")
        );
        let codes = &rules[1]["onExitCodes"];
        assert_eq!(
            (codes["operator"].as_str(), codes["values"][0].as_i64()),
            (Some("In"), Some(75))
        );
        let worker = &spec["template"]["spec"]["containers"][0];
        assert_eq!(codes["containerName"].as_str(), worker["name"].as_str());
    }

    #[test]
    fn the_pod_runs_the_command_with_the_shared_folder_mounted() {
        let job = parsed(&pod());
        let template = &job["spec"]["template"]["spec"];
        // A policy on pod failures demands it.
        assert_eq!(template["restartPolicy"].as_str(), Some("Never"));
        assert_eq!(template["terminationGracePeriodSeconds"].as_i64(), Some(30));
        let worker = &template["containers"][0];
        assert_eq!(worker["image"].as_str(), Some("site/espalier:1"));
        let command = worker["command"].as_vec().unwrap();
        let words: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words, array(60, 20).command);
        assert_eq!(worker["resources"]["requests"]["cpu"].as_i64(), Some(2));
        assert_eq!(worker["resources"]["limits"]["nvidia.com/gpu"].as_i64(), Some(1));
        let (mount, volume) = (&worker["volumeMounts"][0], &template["volumes"][0]);
        assert_eq!(mount["mountPath"].as_str(), Some(MOUNT));
        assert_eq!(mount["name"].as_str(), volume["name"].as_str());
        assert_eq!(volume["persistentVolumeClaim"]["claimName"].as_str(), Some("shared"));
    }

    #[test]
    fn without_gpus_none_are_asked_for_and_parallelism_stays_below_the_elements() {
        let job = parsed(&Pod {
            gpus: 0,
            parallelism: 1000,
            ..pod()
        });
        let worker = &job["spec"]["template"]["spec"]["containers"][0];
        assert!(worker["resources"]["limits"].is_badvalue());
        assert_eq!(job["spec"]["parallelism"].as_i64(), Some(20));
    }

    #[test]
    fn names_become_what_kubernetes_takes() {
        assert_eq!(dns_name("mnist_Variance-quick+1a2b"), "mnist-variance-quick-1a2b");
    }
}
