"""Dashboards and alerts use metrics that exist; manifests have the shape and the figures that they promise."""

import copy
import json
import re
import unittest
from pathlib import Path

import must_run

try:
    import jsonschema
    import yaml
except ImportError:
    yaml = None

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b(?:executor|process)_[a-z_]+[a-z]\b")
REGISTERED = re.compile(r'\b(counters?|gauges?|histogram)\(\s*"([a-z_]+)"')
LABELS = {"executor_executions_total": {"language", "backend", "verdict"}, "executor_rejected_total": {"reason"},
          "executor_setup_seconds_total": {"stage"}, "executor_private_memory_bytes": {"process"}}
OF_PROMETHEUS = {"instance", "job", "le"}
# Who may set these, by the API of each kind; anything else would be dropped or refused by the server.
KINDS = {"Namespace": "v1", "ConfigMap": "v1", "Secret": "v1", "ServiceAccount": "v1", "Service": "v1", "Deployment": "apps/v1",
         "PodDisruptionBudget": "policy/v1", "NetworkPolicy": "networking.k8s.io/v1", "HorizontalPodAutoscaler": "autoscaling/v2",
         "RuntimeClass": "node.k8s.io/v1", "TriggerAuthentication": "keda.sh/v1alpha1", "ScaledObject": "keda.sh/v1alpha1"}


def setUpModule():
    must_run.need(yaml, "python3-yaml and python3-jsonschema")


def known_metrics():
    """Every name that Prometheus would see of the service."""
    names = set()
    for kind, name in REGISTERED.findall((ROOT / "src/telemetry/metrics.cpp").read_text(encoding="utf-8")):
        names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def manifests():
    documents = []
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml")):
        documents += [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
    return documents


def one(kind):
    found, = [document for document in manifests() if document["kind"] == kind]
    return found


class Metrics(unittest.TestCase):
    def expressions(self):
        dashboard = json.loads((ROOT / "deploy/grafana/executor.json").read_text(encoding="utf-8"))
        rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8"))
        return ([target["expr"] for panel in dashboard["panels"] for target in panel["targets"]],
                [rule["expr"] for group in rules["groups"] for rule in group["rules"]])

    def test_the_service_has_each_metric_that_is_used(self):
        known = known_metrics()
        self.assertGreater(len(known), 15)
        for expressions in self.expressions():
            self.assertGreater(len(expressions), 5)
            used = {name for expression in expressions for name in METRIC.findall(expression)}
            self.assertEqual(used - known, set())

    def test_each_metric_of_the_service_is_on_the_dashboard(self):
        used = {name for expression in self.expressions()[0] for name in METRIC.findall(expression)}
        for name in known_metrics():
            if not name.endswith(("_sum", "_count", "_start_time_seconds")):
                self.assertIn(name, used)

    def test_labels_that_are_asked_for_exist(self):
        for expression in [expression for expressions in self.expressions() for expression in expressions]:
            for metric, matchers in re.findall(r"([a-z_]+)\{([^}]*)\}", expression):
                wanted = set(re.findall(r"(\w+)\s*[=!]", matchers))
                self.assertEqual(wanted - LABELS.get(metric, set()) - OF_PROMETHEUS, set(), expression)

    def test_reasons_and_verdicts_that_are_asked_for_exist(self):
        def found(pattern, *paths):
            return {name for path in paths for name in re.findall(pattern, path.read_text(encoding="utf-8"))}
        http = ROOT / "src/http"
        known = {"reason": found(r'rejected\("([a-z_]+)"', *http.glob("*.cpp")) | found(r'return "([a-z_]+)";', http / "execute.cpp"),
                 "verdict": found(r"(?m)^  ([a-z_]+),", ROOT / "include/executor/verdict.hpp")}
        asked = 0
        for expression in self.expressions()[1]:
            for label, values in re.findall(r'\b(reason|verdict)=~?"([^"]*)"', expression):
                asked += 1
                self.assertEqual(set(values.split("|")) - known[label], set(), expression)
        self.assertGreater(asked, 1)


class Kubernetes(unittest.TestCase):
    def test_each_manifest_is_of_a_kind_and_version_that_serves(self):
        documents = manifests()
        self.assertEqual({document["kind"] for document in documents}, set(KINDS))
        for document in documents:
            self.assertEqual(document["apiVersion"], KINDS[document["kind"]])
            self.assertRegex(document["metadata"]["name"], r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
            if document["kind"] not in ("Namespace", "RuntimeClass"):
                self.assertEqual(document["metadata"]["namespace"], "executor")

    def validator(self):
        schema = yaml.safe_load((ROOT / "tests/deploy/kubernetes_schema.yaml").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    def test_each_manifest_has_the_fields_and_types_of_its_kind(self):
        validator = self.validator()
        for document in manifests():
            error = jsonschema.exceptions.best_match(validator.iter_errors(document))
            self.assertIsNone(error, f"{document['kind']}: {error and error.message}")

    def test_the_schema_refuses_what_a_server_would_drop_or_refuse(self):
        validator = self.validator()
        deployment, scaler = one("Deployment"), one("HorizontalPodAutoscaler")
        for document, path, value in ((deployment, ("spec", "template", "spec", "hostUser"), False),
                                      (deployment, ("spec", "template", "spec", "terminationGracePeriodSeconds"), "90"),
                                      (deployment, ("spec", "template", "spec", "runtimeClass"), "executor"),
                                      (deployment, ("apiVersion",), "apps/v1beta1"), (scaler, ("spec", "maxReplicas"), "30"),
                                      (scaler, ("spec", "behaviour"), {}), (one("ConfigMap"), ("data", "EXECUTOR_PORT"), 4060)):
            with self.subTest(path):
                wrong = copy.deepcopy(document)
                place = wrong
                for name in path[:-1]:
                    place = place[name]
                place[path[-1]] = value
                self.assertFalse(validator.is_valid(wrong))

    def test_both_autoscalers_have_the_bounds_and_the_pace(self):
        scaler = one("HorizontalPodAutoscaler")["spec"]
        self.assertEqual((scaler["minReplicas"], scaler["maxReplicas"]), (5, 30))
        self.assertEqual(scaler["metrics"], [{"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}])
        pace = {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
                "scaleDown": {"stabilizationWindowSeconds": 300, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}}
        self.assertEqual(scaler["behavior"], pace)
        keda = one("ScaledObject")["spec"]
        self.assertEqual((keda["minReplicaCount"], keda["maxReplicaCount"]), (5, 30))
        self.assertEqual(keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"], pace)
        self.assertEqual(scaler["scaleTargetRef"]["name"], one("Deployment")["metadata"]["name"])
        self.assertNotIn("replicas", one("Deployment")["spec"])

    def test_the_pod_has_no_privilege(self):
        pod = one("Deployment")["spec"]["template"]["spec"]
        container, = pod["containers"]
        self.assertEqual(container["securityContext"], {"privileged": False, "allowPrivilegeEscalation": False,
                                                        "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
        self.assertIs(pod["hostUsers"], False)
        self.assertEqual(pod["securityContext"]["seccompProfile"]["type"], "Localhost")
        self.assertTrue(pod["securityContext"]["runAsNonRoot"] and pod["nodeSelector"] and pod["tolerations"])
        self.assertFalse(any("hostPath" in volume for volume in pod["volumes"]))
        self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(pod))
        self.assertIs(pod["automountServiceAccountToken"], False)

    def test_selectors_settings_and_grace_fit_each_other(self):
        deployment, labels = one("Deployment")["spec"], {"app.kubernetes.io/name": "executor"}
        self.assertEqual(deployment["template"]["metadata"]["labels"], labels)
        for selector in (deployment["selector"]["matchLabels"], one("Service")["spec"]["selector"],
                         one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]):
            self.assertEqual(selector, labels)
        settings = {**one("ConfigMap")["data"], **one("Secret")["stringData"]}
        self.assertTrue(all(isinstance(value, str) for value in settings.values()))
        code = (ROOT / "src/app/config.cpp").read_text(encoding="utf-8")
        self.assertEqual([name for name in settings if f'{{"{name}"' not in code], [])
        self.assertGreater(deployment["template"]["spec"]["terminationGracePeriodSeconds"], int(settings["EXECUTOR_DRAIN_TIME"]) + 9)

    def test_pods_speak_to_names_and_the_queue_alone(self):
        policy = one("NetworkPolicy")["spec"]
        self.assertEqual(sorted(policy["policyTypes"]), ["Egress", "Ingress"])
        self.assertEqual(sorted({port["port"] for rule in policy["egress"] for port in rule["ports"]}), [53, 6379])
        self.assertTrue(all("ipBlock" not in peer for rule in policy["egress"] for peer in rule["to"]))

    def test_the_seccomp_profile_of_a_node_lets_pass_what_sandboxes_are_made_of(self):
        profile = json.loads((ROOT / "deploy/container/seccomp.json").read_text(encoding="utf-8"))
        denied = {name for rule in profile["syscalls"] for name in rule["names"]}
        self.assertEqual(profile["defaultAction"], "SCMP_ACT_ALLOW")
        self.assertEqual(denied & {"clone", "clone3", "unshare", "setns", "mount", "umount2", "pivot_root", "fsopen", "fsmount", "fsconfig", "open_tree",
                                   "move_mount", "mount_setattr", "seccomp", "pidfd_getfd", "sethostname", "prctl", "capset"}, set())
        self.assertLessEqual({"init_module", "kexec_load", "bpf", "reboot", "swapon", "clock_settime", "keyctl"}, denied)


if __name__ == "__main__":
    must_run.main()
