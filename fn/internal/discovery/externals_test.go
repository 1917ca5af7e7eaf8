package discovery

import "testing"

func TestHiddenHost(t *testing.T) {
	for where, want := range map[string]string{
		"data[DATABASE_URL]":                                  "host-in-DATABASE_URL",
		"stringData[application.yaml]":                        "host-in-application.yaml",
		"spec.containers[0].env[DB_HOST]":                     "host-in-DB_HOST",
		"spec.template.spec.containers[0].env[spring.db.url]": "host-in-spring.db.url",
		"spec.containers[0].args[2]":                          "host-in-args",
		"spec.initContainers[1].command[0]":                   "host-in-command",
	} {
		if got := hiddenHost(where); got != want {
			t.Errorf("hiddenHost(%q) = %q, want %q", where, got, want)
		}
	}
}
