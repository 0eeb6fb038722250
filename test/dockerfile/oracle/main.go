// The oracle: answers questions about Dockerfiles with BuildKit's own packages, one JSON object a line.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	digest "github.com/opencontainers/go-digest"
	mode "github.com/tonistiigi/dchapes-mode"
)

type question struct {
	Kind   string
	Text   string
	Args   map[string]string
	Target string
	Escape string
	Paths  []string
	Mode   uint32
	Folder bool
}

type answer map[string]any

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		out.Encode(reply(q))
	}
}

func reply(q question) (a answer) {
	defer func() {
		if reason := recover(); reason != nil {
			a = answer{"panic": fmt.Sprint(reason)}
		}
	}()
	answers := map[string]func(question) (answer, error){
		"parse": parse, "word": expand, "words": expand, "text": expand, "ignore": ignore, "chmod": chmod,
		"build": build, "check": check, "outline": outline, "targets": targets, "syntax": syntax,
	}
	a, err := answers[q.Kind](q)
	if err != nil {
		return answer{"error": err.Error()}
	}
	return a
}

func expand(q question) (answer, error) {
	lex := shell.NewLex(rune(q.Escape[0]))
	list := []string{}
	for name, value := range q.Args {
		list = append(list, name+"="+value)
	}
	env := shell.EnvsFromSlice(list)
	if q.Kind == "words" {
		words, err := lex.ProcessWords(q.Text, env)
		return answer{"words": append([]string{}, words...)}, err
	}
	// The text of a here-document in COPY and ADD.
	lex.SkipProcessQuotes = q.Kind == "text"
	word, _, err := lex.ProcessWord(q.Text, env)
	return answer{"word": word}, err
}

func ignore(q question) (answer, error) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(q.Text))
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	ignored := []bool{}
	for _, path := range q.Paths {
		matches, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			return nil, err
		}
		ignored = append(ignored, matches)
	}
	return answer{"ignored": ignored}, nil
}

func chmod(q question) (answer, error) {
	set, err := mode.Parse(q.Text)
	if err != nil {
		return nil, err
	}
	before := os.FileMode(q.Mode & 0o777)
	for bit, flag := range map[uint32]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if q.Mode&bit != 0 {
			before |= flag
		}
	}
	if q.Folder {
		before |= os.ModeDir
	}
	after := set.Apply(before)
	bits := uint32(after.Perm())
	for bit, flag := range map[uint32]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if after&flag != 0 {
			bits |= bit
		}
	}
	return answer{"mode": bits}, nil
}

// Every image of the world.
type images struct{}

const config = `{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin","FROM_BASE=base"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}}`

func (images) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(config), nil
}

func options(q question) dockerfile2llb.ConvertOpt {
	args := map[string]string{}
	for name, value := range q.Args {
		args[name] = value
	}
	source := llb.NewSourceMap(nil, "Dockerfile", "", []byte(q.Text))
	source.Definition = &llb.Definition{}
	return dockerfile2llb.ConvertOpt{
		Config:       dockerui.Config{BuildArgs: args, Target: q.Target},
		MetaResolver: images{},
		SourceMap:    source,
		Warn:         func(string, string, string, string, []parser.Range) {},
	}
}

// The image's configuration, without running anything.
func build(q question) (answer, error) {
	result, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(q.Text), options(q))
	if err != nil {
		return nil, err
	}
	history := []string{}
	for _, entry := range result.Image.History {
		history = append(history, entry.CreatedBy)
	}
	return answer{"config": result.Image.Config, "history": history}, nil
}

func check(q question) (answer, error) {
	opt := options(q)
	results, err := dockerfile2llb.DockerfileLint(context.Background(), []byte(q.Text), opt)
	if err != nil {
		return nil, err
	}
	if results.Error != nil {
		return answer{"failed": true}, nil
	}
	hint := regexp.MustCompile(` \(did you mean .*\?\)$`)
	warnings := []any{}
	for _, w := range results.Warnings {
		line := 0
		if w.Location != nil && len(w.Location.Ranges) > 0 {
			line = int(w.Location.Ranges[0].Start.Line)
		}
		warnings = append(warnings, []any{line, w.RuleName, hint.ReplaceAllString(w.Detail, ""), w.Description, w.URL})
	}
	return answer{"warnings": sorted(warnings)}, nil
}

func outline(q question) (answer, error) {
	o, err := dockerfile2llb.Dockerfile2Outline(context.Background(), []byte(q.Text), options(q))
	if err != nil {
		return nil, err
	}
	line := func(l *pb.Location) int32 { return l.Ranges[0].Start.Line }
	args, secrets, ssh := []any{}, []any{}, []any{}
	for _, arg := range o.Args {
		args = append(args, []any{line(arg.Location), arg.Name, arg.Value, arg.Description})
	}
	for _, secret := range o.Secrets {
		secrets = append(secrets, []any{line(secret.Location), secret.Name, secret.Required})
	}
	for _, agent := range o.SSH {
		ssh = append(ssh, []any{line(agent.Location), agent.Name, agent.Required})
	}
	return answer{
		"name": o.Name, "description": o.Description,
		"args": sorted(args), "secrets": sorted(secrets), "ssh": sorted(ssh),
	}, nil
}

func sorted(list []any) []string {
	texts := []string{}
	for _, item := range list {
		text := &strings.Builder{}
		out := json.NewEncoder(text)
		out.SetEscapeHTML(false)
		out.Encode(item)
		texts = append(texts, strings.TrimSpace(text.String()))
	}
	slices.Sort(texts)
	return texts
}

func targets(q question) (answer, error) {
	list, err := dockerfile2llb.ListTargets(context.Background(), []byte(q.Text))
	if err != nil {
		return nil, err
	}
	found := []any{}
	for _, t := range list.Targets {
		found = append(found, []any{t.Name, t.Description, t.Default, t.Base, t.Platform, t.Location.Ranges[0].Start.Line})
	}
	return answer{"targets": found}, nil
}

func syntax(q question) (answer, error) {
	ref, line, _, found := parser.DetectSyntax(bytes.TrimSpace([]byte(q.Text)))
	return answer{"syntax": ref, "line": line, "found": found}, nil
}
