package manifest

import "strings"

// listSeed is a ResourceList, and whether it is recognised without the library.
type listSeed struct {
	name, text string
	canonical  bool
}

// list is a ResourceList around items.
func list(items ...string) string {
	return "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n" + strings.Join(items, "")
}

const (
	webItem = `- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web
    namespace: shop
    labels:
      app: web
    annotations:
      config.kubernetes.io/index: '0'
      config.kubernetes.io/path: 'base/web.yaml'
      internal.config.kubernetes.io/index: '0'
      internal.config.kubernetes.io/path: 'base/web.yaml'
      internal.config.kubernetes.io/package-path: '/home/me/shop'
      internal.config.kubernetes.io/seqindent: 'wide'
      internal.config.kubernetes.io/id: '5'
      config.k8s.io/id: '5'
  spec:
    replicas: 2
    template:
      spec:
        containers:
        - name: web
          image: nginx:1.29 # pinned
          args: ["--port", "8080", -v, {a: b, c: [1, 2]}]
          command:
          - sh
          - -c
          - |
            set -e

              indented
            exec nginx
          ports:
          - containerPort: 8080
            name: http
`
	kustomizeItem = `- apiVersion: v1
  kind: Service
  metadata:
    annotations:
      internal.config.kubernetes.io/index: "1"
      internal.config.kubernetes.io/previousNames: web
      kustomize.config.k8s.io/id: |
        kind: Service
        name: web
    name: web
  spec:
    ports:
    - port: 80
      targetPort: http
    selector: {}
`
	configPart = `functionConfig:
  apiVersion: tierwall.dev/v1alpha1
  kind: NetworkPolicySet
  metadata:
    name: three-tier
    annotations:
      config.kubernetes.io/path: 'set.yaml'
      config.kubernetes.io/index: '2'
  spec:
    flows:
    - {from: internet, to: frontend}
`
	resultsPart = `results:
- message: something
  severity: info
`
)

func field(lines string) string { return "- apiVersion: v1\n  kind: ConfigMap\n  data:\n" + lines }

// Each trap is a shape that a line scanner reads wrongly if it is careless.
var listSeeds = []listSeed{
	{"kpt", list(webItem, kustomizeItem) + configPart, true},
	{"config first", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n" + configPart + "items:\n" + webItem, true},
	{"kind first", "kind: ResourceList\napiVersion: config.kubernetes.io/v1beta1\nitems:\n" + webItem, true},
	{"results", list(webItem) + configPart + resultsPart, true},
	{"results before config", list(webItem) + resultsPart + configPart, true},
	{"no items", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n" + configPart, true},
	{"null items", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n", true},
	{"null config", list(webItem) + "functionConfig:\n", true},
	{"comment between", list("# head\n", webItem, "# between\n\n# and more\n", kustomizeItem, "# tail\n") + configPart, true},
	{"comment in item", list("- # Copyright\n  apiVersion: v1\n  kind: A # b\n  # c\n  metadata: # d\n    # e\n    name: x # f\n"), true},
	{"comment at column 0 in item", list("- apiVersion: v1\n# c\n  kind: A\n"), true},
	{"comment ends block", list(field("    a: |\n      text\n# c\n"), webItem), true},
	{"comment in block", list(field("    a: |\n      # text\n      more\n")), true},
	{"blank lines", list("- apiVersion: v1\n\n  kind: A\n   \n", webItem), true},
	{"block keep", list(field("    a: |+\n      text\n\n\n"), webItem), true},
	{"block strip", list(field("    a: |-\n      text\n    b: x\n"), webItem), true},
	{"block folded", list(field("    a: >-\n      text\n      more\n\n      again\n        code\n    b: x\n")), true},
	{"block with indent", list(field("    a: |2-\n        lead\n      x\n    b: |1+\n      y\n\n")), true},
	{"block with spaces", list(field("    a: |\n      x\n        \n       y\n    \n      z\n")), true},
	{"block that looks like an item", list(field("    a: |\n      - apiVersion: v1\n        kind: B\n      ---\n      items:\n")), true},
	{"block in sequence", list("- apiVersion: v1\n  args:\n  - |\n   x\n  - >\n   y\n  - a: |\n       z\n"), true},
	{"block with lead blank", list(field("    a: |\n\n      x\n")), true},
	{"block with wider lead blank", list(field("    a: |\n         \n      x\n")), false},
	{"block without text", list(field("    a: |\n    b: x\n")), false},
	{"block with tab", list(field("    a: |\n      \tx\n")), false},
	{"block with tab later", list(field("    a: |\n      x\n      \ty\n")), true},
	{"nested dashes", list("- a:\n  - - x\n    - - y: 1\n        z: 2\n  -\n"), false},
	{"nested dashes complete", list("- a:\n  - - x\n    - - y: 1\n        z: 2\n  - w\n"), true},
	{"wide sequences", list("- a:\n    - x\n    - y: 1\n      z:\n          - 2\n"), true},
	{"empty values", list("- apiVersion:\n  kind: ~\n  metadata:\n    name:\n    namespace: null\n    annotations:\n  spec:\n"), true},
	{"numbers as identity", list("- apiVersion: 1\n  kind: true\n  metadata:\n    name: 0x1F\n    namespace: 2026-01-01\n"), true},
	{"quoted identity", list("- \"apiVersion\": 'v1'\n  'kind': \"A\"\n  metadata:\n    'name': 'it''s'\n"), false},
	{"quoted keys", list("- \"apiVersion\": 'v1'\n  'kind': \"A\"\n  \"on\": x\n"), true},
	{"quotes", list(field("    a: 'it''s' # c\n    b: \"a\\\"b\\u00e9\\n\"\n    c: ''\n    d: \"\"\n    e: \"\\ud83d\"\n")), false},
	{"quotes complete", list(field("    a: 'it''s' # c\n    b: \"a\\\"b\\u00e9\\n\\x41\"\n    c: ''\n    d: \"\"\n")), true},
	{"quote continues", list(field("    a: \"text\n  more\"\n")), false},
	{"quote continues at column 0", list(field("    a: \"text\n- apiVersion: v1\n  kind: B\"\n")), false},
	{"single quote continues at column 0", list(field("    a: 'text\n\n- more: x'\n"), webItem), false},
	{"plain continues", list(field("    a: text\n      more\n")), false},
	{"plain with colons", list(field("    a: http://x:80/y#z\n    b: a:b\n    c: -x\n    d: --- \n    e: a,b]c}d\n")), true},
	{"plain that is a mapping", list(field("    a: b: c\n")), false},
	{"plain with end colon", list(field("    a: b:\n")), false},
	{"unicode", list(field("    a: grün → x\n    b: 'ü'\n    c: |\n      日本\n")), true},
	{"unicode breaks", list(field("    a: x\u2028y\n    b: \u0085z\n")), false},
	{"unicode key", list(field("    ü: x\n")), false},
	{"bom", "\ufeff" + list(webItem), false},
	{"anchor", list(field("    a: &x v\n    b: *x\n")), false},
	{"alias across items", list("- apiVersion: v1\n  kind: A\n  labels: &l\n    a: b\n", "- apiVersion: v1\n  kind: B\n  labels: *l\n"), false},
	{"merge key", list("- apiVersion: v1\n  kind: A\n  a: &l\n    x: y\n  b:\n    <<: *l\n"), false},
	{"tag", list(field("    a: !!str 1\n")), false},
	{"complex key", list(field("    ? a\n    : b\n")), false},
	{"flow over lines", list(field("    a: [x,\n      y]\n")), false},
	{"flow item", list("- {apiVersion: v1, kind: A}\n"), false},
	{"flow metadata", list("- apiVersion: v1\n  kind: A\n  metadata: {name: x}\n"), false},
	{"flow annotations", list("- apiVersion: v1\n  kind: A\n  metadata:\n    annotations: {config.kubernetes.io/path: x}\n"), false},
	{"empty annotations", list("- apiVersion: v1\n  kind: A\n  metadata:\n    annotations: {}\n"), true},
	{"flow odd", list(field("    a: [a, b,]\n    c: [a b]\n    d: {a}\n")), false},
	{"flow with colon", list(field("    a: [http://x:80, 'b:c']\n    b: {\"a\": b}\n    c: [[], {}, [a]]\n")), true},
	{"crlf", strings.ReplaceAll(list(webItem), "\n", "\r\n"), false},
	{"tabs", list("- apiVersion: v1\n  kind:\tA\n"), false},
	{"tab at end", list("- apiVersion: v1\n  kind: A\t\n"), false},
	{"tab in comment", list("- apiVersion: v1\n  kind: A #\tb\n"), true},
	{"trailing spaces", list("- apiVersion: v1  \n  kind: A   # c \n"), true},
	{"indented items", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n  - apiVersion: v1\n    kind: A\n", false},
	{"wide dash", list("-   apiVersion: v1\n    kind: A\n"), false},
	{"document marker", "---\n" + list(webItem), false},
	{"end marker", list(webItem) + "...\n", false},
	{"two documents", list(webItem) + "---\n" + webItem, false},
	{"json", `{"apiVersion":"config.kubernetes.io/v1","kind":"ResourceList","items":[{"apiVersion":"v1","kind":"A","metadata":{"name":"x"}}],"functionConfig":{"a":[1,true,null]}}`, false},
	{"json with tabs", "{\n\t\"apiVersion\": \"config.kubernetes.io/v1\",\n\t\"kind\": \"ResourceList\",\n\t\"items\": [{\"kind\": \"A\"}]\n}\n", false},
	{"duplicate items", list(webItem) + "items:\n" + kustomizeItem, false},
	{"duplicate kind", list("- apiVersion: v1\n  kind: A\n  kind: B\n"), false},
	{"duplicate name", list("- apiVersion: v1\n  kind: A\n  metadata:\n    name: x\n    name: y\n"), false},
	{"duplicate metadata", list("- apiVersion: v1\n  kind: A\n  metadata:\n    name: x\n  metadata:\n    name: y\n"), false},
	{"duplicate path", list("- metadata:\n    annotations:\n      config.kubernetes.io/path: x\n      config.kubernetes.io/path: y\n"), false},
	{"duplicate deep", list("- apiVersion: v1\n  kind: A\n  spec:\n    a: 1\n    a: 2\n"), true},
	{"no final newline", strings.TrimSuffix(list(webItem), "\n"), false},
	{"no final newline in block", list(field("    a: |\n      x")), false},
	{"quoted header", "apiVersion: \"config.kubernetes.io/v1\"\nkind: ResourceList\nitems:\n" + webItem, false},
	{"comment in header", "apiVersion: config.kubernetes.io/v1 # c\nkind: ResourceList\nitems: # d\n" + webItem, false},
	{"comment before header", "# c\n" + list(webItem), false},
	{"unknown field", list(webItem) + "extra: 1\n", false},
	{"metadata field", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nmetadata:\n  name: x\nitems:\n" + webItem, false},
	{"other version", "apiVersion: v1\nkind: ResourceList\nitems:\n" + webItem, false},
	{"no items field", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n" + configPart, false},
	{"scalar item", list("- x\n"), false},
	{"null item", list("-\n"), false},
	{"sequence item", list("- - a: b\n"), false},
	{"items is a mapping", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n  a: b\n", false},
	{"config is a scalar", list(webItem) + "functionConfig: x\n", false},
	{"config is a list", list(webItem) + "functionConfig:\n- x\n", false},
	{"bad indentation", list("- apiVersion: v1\n   kind: A\n"), false},
	{"dedent within", list("- apiVersion: v1\n  spec:\n      a: 1\n    b: 2\n"), false},
	{"sequence under mapping", list("- apiVersion: v1\n  - x\n"), false},
	{"broken", list("- apiVersion: [v1\n"), false},
	{"control character", list(field("    a: x\x01y\n")), false},
	{"not utf-8", list(field("    a: x\xffy\n")), false},
}
