package opinion

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestArgoCDPluginHasTheFieldsOfItsType holds plugin.yaml to the Go types that Argo CD reads it with, by their source: it is
// no custom resource, so nobody else would say that a field is misspelt.
func TestArgoCDPluginHasTheFieldsOfItsType(t *testing.T) {
	types := structs{}
	for _, file := range []string{"cmpserver/plugin/config.go", "reposerver/apiclient/repository.pb.go"} {
		types.read(t, argoCD.file(t, file))
	}
	content, err := os.ReadFile(gitOps + "argocd/plugin/plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if unknown := types.unknown(t, content); len(unknown) > 0 {
		t.Errorf("Argo CD knows none of %v", unknown)
	}
	for _, c := range []struct{ from, to, want string }{
		{"generate:", "generates:", "spec.generates"},
		{"    args:", "    arguments:", "spec.generate.arguments"},
		{"      tooltip:", "      hint:", "spec.parameters.static[0].hint"},
	} {
		spoilt := strings.Replace(string(content), c.from, c.to, 1)
		if unknown := types.unknown(t, []byte(spoilt)); len(unknown) != 1 || unknown[0] != c.want {
			t.Errorf("with %q it knows all but %v, want %s", c.to, unknown, c.want)
		}
	}
}

// TestArgoCDSidecarIsADeployment: the patch has fields of a Deployment only.
func TestArgoCDSidecarIsADeployment(t *testing.T) {
	content, err := os.ReadFile(gitOps + "argocd/plugin/repo-server.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d appsv1.Deployment
	if err := yaml.UnmarshalStrict(content, &d); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		s := c.SecurityContext
		if s == nil || !*s.RunAsNonRoot || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 {
			t.Errorf("container %s has rights: %+v", c.Name, s)
		}
	}
}

// structs are the fields of struct types: their names in files, and their types.
type structs map[string]map[string]string

// inline stands for the fields of an embedded type.
const inline = "(inline) "

func (s structs) read(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			s[spec.Name.Name] = fieldsOf(st)
		}
		return false
	})
}

func fieldsOf(st *ast.StructType) map[string]string {
	fields := map[string]string{}
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 {
			fields[inline+typeName(f.Type)] = typeName(f.Type)
			continue
		}
		tag := ""
		if f.Tag != nil {
			tag, _ = strconv.Unquote(f.Tag.Value)
		}
		name := ""
		for _, key := range []string{"json", "yaml"} {
			if value, _, _ := strings.Cut(reflect.StructTag(tag).Get(key), ","); value != "" && name == "" {
				name = value
			}
		}
		fields[name] = typeName(f.Type)
	}
	return fields
}

// typeName is the name of a type, or of its elements, without its package.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ArrayType:
		return typeName(e.Elt)
	}
	return ""
}

// unknown are the fields of a file that the type PluginConfig has not, by their paths.
func (s structs) unknown(t *testing.T, content []byte) []string {
	t.Helper()
	var object map[string]any
	if err := yaml.UnmarshalStrict(content, &object); err != nil {
		t.Fatal(err)
	}
	delete(object, "apiVersion")
	delete(object, "kind")
	delete(object, "metadata")
	var out []string
	s.walk("PluginConfig", "", object, &out)
	return out
}

func (s structs) walk(typ, path string, value any, unknown *[]string) {
	fields, known := s[typ]
	if !known {
		return // a scalar, or a type of others
	}
	switch value := value.(type) {
	case []any:
		for i, v := range value {
			s.walk(typ, fmt.Sprintf("%s[%d]", path, i), v, unknown)
		}
	case map[string]any:
		for name, v := range value {
			below := strings.TrimPrefix(path+"."+name, ".")
			of, ok := fields[name]
			for embedded, t := range fields {
				if !ok && strings.HasPrefix(embedded, inline) {
					of, ok = s[t][name]
				}
			}
			if !ok {
				*unknown = append(*unknown, below)
				continue
			}
			s.walk(of, below, v, unknown)
		}
	}
}
