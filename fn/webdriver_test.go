//go:build browser

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// browser is a headless Chromium, driven by chromedriver as the W3C's WebDriver says.
type browser struct {
	t       *testing.T
	session string // URL
}

const (
	elementKey = "element-6066-11e4-a52e-4f735466cecf" // https://www.w3.org/TR/webdriver2/#elements
	enterKey   = "\ue007"
	escapeKey  = "\ue00c"
	rightKey   = "\ue014"
	downKey    = "\ue015"
	tabKey     = "\ue004"
)

var startedOn = regexp.MustCompile(`started successfully on port (\d+)`)

// openBrowser starts a driver and a browser with a window of the size.
func openBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Fatalf("the test needs chromium and chromedriver (Debian: chromium, chromium-driver): %v", err)
	}
	cmd := exec.Command(driver, "--port=0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	port := ""
	for port == "" && lines.Scan() {
		if m := startedOn.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	if port == "" {
		t.Fatal("chromedriver says no port")
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	b := &browser{t: t, session: "http://127.0.0.1:" + port + "/session"}
	var answer struct{ SessionID string }
	b.call(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:loggingPrefs":  map[string]string{"browser": "ALL"},
		"goog:chromeOptions": map[string]any{"args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", fmt.Sprintf("--window-size=%d,%d", width, height)}},
	}}}, &answer)
	b.session += "/" + answer.SessionID
	t.Cleanup(func() { b.call(http.MethodDelete, "", nil, nil) })
	return b
}

// call asks the driver; value may be nil.
func (b *browser) call(method, path string, body, value any) {
	b.t.Helper()
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.session+path, in)
	if method == http.MethodDelete {
		request, err = http.NewRequest(method, b.session+path, nil) // in a cleanup the test's context is over
	}
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 2 * time.Minute}).Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s", method, path, text)
	}
	if value == nil {
		return
	}
	answer := struct{ Value any }{value}
	if err := json.Unmarshal(text, &answer); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
}

// open shows a page in a colour scheme.
func (b *browser) open(page []byte, scheme string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "map.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.call(http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": "Emulation.setEmulatedMedia",
		"params": map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}}, nil)
	b.call(http.MethodPost, "/url", map[string]string{"url": "file://" + file}, nil)
}

// eval is the value of a function's body.
func (b *browser) eval(script string, value any) {
	b.t.Helper()
	b.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, value)
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	var out string
	b.eval(fmt.Sprintf("return document.querySelector(%q).innerText", selector), &out)
	return out
}

func (b *browser) texts(selector string) []string {
	b.t.Helper()
	var out []string
	b.eval(fmt.Sprintf("return [...document.querySelectorAll(%q)].map((e) => e.innerText)", selector), &out)
	return out
}

// click clicks on an element as a person does: it must be there, in sight, and not covered.
func (b *browser) click(selector string) {
	b.t.Helper()
	var element map[string]string
	b.call(http.MethodPost, "/element", map[string]string{"using": "css selector", "value": selector}, &element)
	b.call(http.MethodPost, "/element/"+element[elementKey]+"/click", map[string]any{}, nil)
}

// write types into an element.
func (b *browser) write(selector, text string) {
	b.t.Helper()
	var element map[string]string
	b.call(http.MethodPost, "/element", map[string]string{"using": "css selector", "value": selector}, &element)
	b.call(http.MethodPost, "/element/"+element[elementKey]+"/value", map[string]any{"text": text}, nil)
}

// press presses keys one after the other, wherever the focus is.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	var actions []map[string]any
	for _, k := range keys {
		actions = append(actions, map[string]any{"type": "keyDown", "value": k}, map[string]any{"type": "keyUp", "value": k})
	}
	b.call(http.MethodPost, "/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}, nil)
}

// point moves the pointer to a place of the window, and clicks there.
func (b *browser) point(x, y int, click bool) {
	b.t.Helper()
	actions := []map[string]any{{"type": "pointerMove", "x": x, "y": y, "duration": 0}}
	if click {
		actions = append(actions, map[string]any{"type": "pointerDown", "button": 0}, map[string]any{"type": "pointerUp", "button": 0})
	}
	b.call(http.MethodPost, "/actions", map[string]any{"actions": []any{map[string]any{"type": "pointer", "id": "mouse", "actions": actions}}}, nil)
}

// complaints are what the browser's console says: errors of the script, and what the page's policy forbids.
func (b *browser) complaints() []string {
	b.t.Helper()
	var entries []struct{ Level, Message string }
	b.call(http.MethodPost, "/se/log", map[string]string{"type": "browser"}, &entries)
	var out []string
	for _, e := range entries {
		out = append(out, e.Level+" "+e.Message)
	}
	return out
}

// shoot keeps a picture of the window where -shots names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	var picture string
	b.call(http.MethodGet, "/screenshot", nil, &picture)
	png, err := base64.StdEncoding.DecodeString(picture)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
