package netpold

import (
	"strings"

	"github.com/cloudnativelabs/kube-router/v2/pkg/utils"
)

// inet6 is what ipset's create command wants for a set of IPv6 addresses.
const inet6 = "family inet6"

// familySets repairs two faults of kube-router v2.1.0 with two families: its rules name the sets of IPv6 without the
// prefix "inet6:" that its own handler adds, so that ip6tables-restore fails; and Save keeps the sets of both families
// in each handler, so that each would destroy those of the other as stale.
type familySets struct {
	utils.IPSetHandler
	v6 bool
}

func (s familySets) RefreshSet(name string, entries [][]string, setType string) {
	if s.v6 {
		setType += " " + inet6
	}
	s.IPSetHandler.RefreshSet(name, entries, setType)
}

func (s familySets) Save() error {
	if err := s.IPSetHandler.Save(); err != nil {
		return err
	}
	sets := s.Sets()
	for name, set := range sets {
		if strings.Contains(strings.Join(set.Options, " "), inet6) != s.v6 {
			delete(sets, name)
		}
	}
	return nil
}
