package script_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tierwall.dev/fn/internal/script"
)

// hostile is text that a shell, or a terminal, would obey where it stands bare.
var hostile = []string{"a'b", "$(touch owned)", "`touch owned`", "x\nEND\ntouch owned\n", "x; touch owned", "\\", "\x1b[2J", "a b", "*", "-n", "\"$HOME\"", "VERSION", "é"}

// TestNoNameIsRun: whatever a manifest's names are, the script parses, and a shell that runs it runs none of them.
func TestNoNameIsRun(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range hostile {
		dir := t.TempDir()
		text := written(t, script.Environment{
			Name: name, Namespace: name,
			Pods: []script.Pods{{Name: name, Namespace: name, Selector: name}, {Name: "elsewhere", Elsewhere: true}},
			Askers: []script.Asker{{Pods: name, Questions: []script.Question{
				{Open: true, Kind: script.Itself, Port: 80, To: name},
				{Kind: script.Address, Host: name, Port: 80, To: name},
				{Kind: script.Host, Host: name, Port: 80, To: name},
				{Kind: script.Variable, Peer: name, Host: name, Port: 80, To: name},
			}}},
			Unasked: []string{name},
		})
		for _, line := range strings.Split(text, "\n") {
			if strings.ContainsAny(line, "\x1b\r") {
				t.Errorf("%q: a terminal would obey %q", name, line)
			}
		}
		// A kubectl that finds one pod, and gives the arguments of the container back, each answered with open.
		kubectl := "#!" + sh + `
case "$*" in *" pods "*) echo pod 10.0.0.1 ;; *jsonpath*) echo terminated ;; logs*) echo "1 open"; echo "2 closed"; echo "3 closed"; echo "4 closed"; echo end ;; esac
`
		if err := os.WriteFile(filepath.Join(dir, "kubectl"), []byte(kubectl), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(sh)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "4 as proved, 0 wrong, 1 not asked") {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Errorf("%q: the script made files: %v %v", name, files, err)
		}
	}
}

func written(t *testing.T, e script.Environment) string {
	t.Helper()
	var out bytes.Buffer
	if err := script.Write(&out, "v0", []script.Environment{e}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestVariableNames(t *testing.T) {
	got := map[string]string{}
	for _, peer := range []string{"payments", "office-vpn", "S3.eu", "ünï"} {
		got[peer] = script.VariableName(peer)
	}
	want := map[string]string{"payments": "HOST_PAYMENTS", "office-vpn": "HOST_OFFICE_VPN", "S3.eu": "HOST_S3_EU", "ünï": "HOST__N_"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestThePlacesOfQuestions: each kind of question stands in its line as `from` reads it.
func TestThePlacesOfQuestions(t *testing.T) {
	text := written(t, script.Environment{
		Name: "prod", Namespace: "shop",
		Pods: []script.Pods{{Name: "web", Namespace: "shop", Selector: "app=web"}, {Name: "db", Selector: "app=db"}},
		Askers: []script.Asker{{Pods: "web", Questions: []script.Question{
			{Open: true, Kind: script.Itself, Port: 80, To: "itself:80"},
			{Open: true, Kind: script.Host, Host: "db.shop", Port: 5432, To: "db:5432"},
			{Kind: script.Address, Host: "db", Port: 9090, To: "db:9090"},
			{Kind: script.Variable, Peer: "vpn", Port: 8080, To: "vpn:8080"},
			{Open: true, Kind: script.DNSByUDP, Port: 53, To: "dns:53/UDP"},
		}}},
	})
	_, got, _ := strings.Cut(text, "\nenvironment 'prod")
	want := ` (namespace shop)'
pods 'web' 'shop' 'app=web'
pods 'db' "$NAMESPACE" 'app=db'

from 'web' <<'END'
open itself - 80 itself:80
open host db.shop 5432 db:5432
closed pod db 9090 db:9090
closed variable HOST_VPN= 8080 vpn:8080
open udp-dns - 53 dns:53/UDP
END

report
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
