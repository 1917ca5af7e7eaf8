package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"tierwall.dev/fn/internal/proposal"
)

// ask walks a person through the questions that an answer settles, until there are no more. An empty answer leaves the
// question open. It works out the proposal anew with the answers.
func ask(environments []proposal.Environment, p *proposal.Proposal, stdin io.Reader, out io.Writer) (*proposal.Proposal, error) {
	answers, asked := proposal.Answers{}, map[string]bool{}
	in := bufio.NewScanner(stdin)
	for {
		q, found := next(p.Questions, asked)
		if !found {
			return p, nil
		}
		asked[q.Key] = true
		answer, err := askOne(q, in, out)
		if err != nil {
			return nil, err
		}
		if answer == "" {
			continue
		}
		answers[q.Key] = answer
		p = proposal.Propose(environments, answers)
	}
}

func next(questions []proposal.Question, asked map[string]bool) (proposal.Question, bool) {
	for _, q := range questions {
		if q.Key != "" && !asked[q.Key] && (q.Check != nil || len(q.Choices) > 0) {
			return q, true
		}
	}
	return proposal.Question{}, false
}

// askOne asks until the answer is good or empty.
func askOne(q proposal.Question, in *bufio.Scanner, out io.Writer) (string, error) {
	fmt.Fprintf(out, "%s\n", q.Text)
	for {
		fmt.Fprintf(out, "%s> ", choicesText(q))
		if !in.Scan() {
			if err := in.Err(); err != nil {
				return "", err
			}
			return "", fmt.Errorf("the terminal was closed before all questions were answered, and nothing is written")
		}
		answer := strings.TrimSpace(in.Text())
		if answer == "" {
			return "", nil
		}
		answer, problem := q.Accept(answer)
		if problem == "" {
			return answer, nil
		}
		fmt.Fprintln(out, problem)
	}
}

func choicesText(q proposal.Question) string {
	switch {
	case len(q.Choices) == 0:
		return "(empty to leave it open) "
	case q.Several:
		return "[some of " + strings.Join(q.Choices, ", ") + "; empty to leave it open] "
	}
	return "[" + strings.Join(q.Choices, ", ") + "; empty to leave it open] "
}
