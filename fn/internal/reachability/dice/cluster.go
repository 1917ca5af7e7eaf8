package dice

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Cluster is what is on a cluster, as manifests.
type Cluster struct {
	// Namespaces have all their labels but kubernetes.io/metadata.name, which the API server adds.
	Namespaces []*corev1.Namespace
	// Pods have names that are unique in the cluster, and one address each.
	Pods []*corev1.Pod
	// Policies are as written, without the API server's defaults.
	Policies []*networkingv1.NetworkPolicy
}

// Ports are those of which every rule of a random policy opens some, or none, and their neighbours.
var Ports = []int32{78, 79, 80, 81, 82}

// Cluster has three namespaces, eight pods and up to five policies.
func (d Dice) Cluster() Cluster {
	var c Cluster
	for _, name := range []string{"x", "y", "z"} {
		c.Namespaces = append(c.Namespaces, &corev1.Namespace{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: d.Labels()},
		})
	}
	for i := range 8 {
		c.Pods = append(c.Pods, d.pod(i))
	}
	for i := range d.IntN(6) {
		c.Policies = append(c.Policies, d.Policy(fmt.Sprintf("p%d", i)))
	}
	return c
}

func (d Dice) pod(i int) *corev1.Pod {
	address := fmt.Sprintf("10.0.0.%d", i)
	if d.OneIn(3) {
		address = fmt.Sprintf("fd00::%d", i)
	}
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod", i), Namespace: Pick(d, "x", "y", "z"), Labels: d.Labels()},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main", Ports: []corev1.ContainerPort{
			{Name: "web", ContainerPort: Pick[int32](d, 79, 80), Protocol: Pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP)},
			{Name: "dns", ContainerPort: Pick[int32](d, 80, 81, 81), Protocol: corev1.ProtocolUDP},
		}}}},
		Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: address}}},
	}
}

// String is the cluster as one YAML stream.
func (c Cluster) String() string {
	var b bytes.Buffer
	write := func(object any) {
		text, err := yaml.Marshal(object)
		if err != nil {
			text = []byte("# " + err.Error() + "\n")
		}
		b.WriteString("---\n")
		b.Write(text)
	}
	for _, n := range c.Namespaces {
		write(n)
	}
	for _, p := range c.Pods {
		write(p)
	}
	for _, p := range c.Policies {
		write(p)
	}
	return b.String()
}

// Read reads a YAML stream of Namespaces, Pods and NetworkPolicies. Documents without content are left out; another kind
// and an unknown field are errors.
func Read(stream []byte) (Cluster, error) {
	var c Cluster
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err == nil {
			err = c.add(document)
		}
		if err != nil {
			return Cluster{}, err
		}
	}
}

func (c *Cluster) add(document []byte) error {
	var object *metav1.TypeMeta // stays nil where there is no content
	if err := yaml.Unmarshal(document, &object); err != nil || object == nil {
		return err
	}
	switch object.Kind {
	case "Namespace":
		return appendTo(&c.Namespaces, document)
	case "Pod":
		return appendTo(&c.Pods, document)
	case "NetworkPolicy":
		return appendTo(&c.Policies, document)
	default:
		return fmt.Errorf("kind %q is none of Namespace, Pod and NetworkPolicy", object.Kind)
	}
}

func appendTo[T any](list *[]*T, document []byte) error {
	one := new(T)
	*list = append(*list, one)
	return yaml.UnmarshalStrict(document, one)
}

// Shrink leaves out policies, rules, peers, ports and pods for as long as what is left still fails.
func (c Cluster) Shrink(fails func(Cluster) bool) Cluster {
	for again := true; again; {
		again = false
		for _, smaller := range c.reductions() {
			if fails(smaller) {
				c, again = smaller, true
				break
			}
		}
	}
	return c
}

func (c Cluster) reductions() []Cluster {
	var out []Cluster
	for i := range c.Policies {
		smaller := c
		smaller.Policies = Without(c.Policies, i)
		out = append(out, smaller)
	}
	for i := range c.Pods {
		smaller := c
		smaller.Pods = Without(c.Pods, i)
		out = append(out, smaller)
	}
	for i, p := range c.Policies {
		for _, spec := range specReductions(p.Spec) {
			smaller, copied := c, p.DeepCopy()
			copied.Spec = spec
			smaller.Policies = slices.Clone(c.Policies)
			smaller.Policies[i] = copied
			out = append(out, smaller)
		}
	}
	return out
}

// specReductions leave out a rule, or a peer or port of one that has more than one: the last would open the rule to all.
func specReductions(s networkingv1.NetworkPolicySpec) []networkingv1.NetworkPolicySpec {
	var out []networkingv1.NetworkPolicySpec
	keep := func(edit func(*networkingv1.NetworkPolicySpec)) {
		smaller := s.DeepCopy()
		edit(smaller)
		out = append(out, *smaller)
	}
	for i, r := range s.Ingress {
		keep(func(s *networkingv1.NetworkPolicySpec) { s.Ingress = Without(s.Ingress, i) })
		for j := range more(r.From) {
			keep(func(s *networkingv1.NetworkPolicySpec) { s.Ingress[i].From = Without(s.Ingress[i].From, j) })
		}
		for j := range more(r.Ports) {
			keep(func(s *networkingv1.NetworkPolicySpec) { s.Ingress[i].Ports = Without(s.Ingress[i].Ports, j) })
		}
	}
	for i, r := range s.Egress {
		keep(func(s *networkingv1.NetworkPolicySpec) { s.Egress = Without(s.Egress, i) })
		for j := range more(r.To) {
			keep(func(s *networkingv1.NetworkPolicySpec) { s.Egress[i].To = Without(s.Egress[i].To, j) })
		}
		for j := range more(r.Ports) {
			keep(func(s *networkingv1.NetworkPolicySpec) { s.Egress[i].Ports = Without(s.Egress[i].Ports, j) })
		}
	}
	return out
}

// more is how many items the list has, 0 where it has but one.
func more[T any](list []T) int {
	if len(list) < 2 {
		return 0
	}
	return len(list)
}

// Without is the list without its item i.
func Without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }
