package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// What the parser makes of a file, in the words of test/dockerfile/parsed.ts.
func parse(q question) (answer, error) {
	file, err := parser.Parse(strings.NewReader(q.Text))
	if err != nil {
		return nil, err
	}
	found, globals, err := instructions.Parse(file.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("dockerfile contains no stages to build")
	}
	stages := []answer{}
	for _, stage := range found {
		commands := []answer{}
		for _, command := range stage.Commands {
			a := describe(command)
			a["name"] = strings.ToUpper(command.Name())
			a["line"] = command.Location()[0].Start.Line
			commands = append(commands, a)
		}
		stages = append(stages, answer{
			"as": stage.Name, "image": stage.BaseName, "platform": stage.Platform,
			"line": stage.Location[0].Start.Line, "commands": commands,
		})
	}
	args := []any{}
	for _, global := range globals {
		args = append(args, describe(&global)["args"])
	}
	return answer{"escape": string(file.EscapeToken), "globals": args, "stages": stages}, nil
}

func describe(command instructions.Command) answer {
	switch c := command.(type) {
	case *instructions.ArgCommand:
		args := []any{}
		for _, arg := range c.Args {
			args = append(args, []any{arg.Key, arg.Value, arg.DocComment})
		}
		return answer{"args": args}
	case *instructions.EnvCommand:
		return pairs(c.Env)
	case *instructions.LabelCommand:
		return pairs(c.Labels)
	case *instructions.RunCommand:
		return run(c)
	case *instructions.CopyCommand:
		a := files(c.SourcesAndDest, c.Chown, c.Chmod, c.Link, c.ExcludePatterns)
		a["from"], a["parents"] = c.From, c.Parents
		return a
	case *instructions.AddCommand:
		a := files(c.SourcesAndDest, c.Chown, c.Chmod, c.Link, c.ExcludePatterns)
		a["checksum"], a["keepGitDir"], a["unpack"] = c.Checksum, c.KeepGitDir, c.Unpack
		return a
	case *instructions.ExposeCommand:
		return answer{"values": c.Ports}
	case *instructions.VolumeCommand:
		return answer{"values": c.Volumes}
	case *instructions.ShellCommand:
		return answer{"args": c.Shell}
	case *instructions.CmdCommand:
		return answer{"command": line(c.ShellDependantCmdLine)}
	case *instructions.EntrypointCommand:
		return answer{"command": line(c.ShellDependantCmdLine)}
	case *instructions.OnbuildCommand:
		return answer{"trigger": strings.TrimSpace(c.Expression)}
	case *instructions.HealthCheckCommand:
		h := c.Health
		return answer{
			"test": h.Test, "interval": h.Interval, "timeout": h.Timeout,
			"startPeriod": h.StartPeriod, "startInterval": h.StartInterval, "retries": h.Retries,
		}
	case *instructions.WorkdirCommand:
		return answer{"value": c.Path}
	case *instructions.UserCommand:
		return answer{"value": c.User}
	case *instructions.StopSignalCommand:
		return answer{"value": c.Signal}
	case *instructions.MaintainerCommand:
		return answer{"value": c.Maintainer}
	}
	panic(fmt.Sprintf("unknown command %T", command))
}

func pairs(list instructions.KeyValuePairs) answer {
	found := []any{}
	for _, pair := range list {
		found = append(found, []any{pair.Key, pair.Value})
	}
	return answer{"pairs": found, "legacy": list[0].NoDelim}
}

func line(l instructions.ShellDependantCmdLine) answer {
	if l.PrependShell {
		return answer{"shell": strings.Join(l.CmdLine, " ")}
	}
	return answer{"exec": append([]string{}, l.CmdLine...)}
}

func run(c *instructions.RunCommand) answer {
	heredocs := []any{}
	for _, file := range c.Files {
		content := file.Data
		if file.Chomp {
			content = parser.ChompHeredocContent(content)
		}
		heredocs = append(heredocs, []any{file.Name, content})
	}
	a := answer{
		"command": line(c.ShellDependantCmdLine), "heredocs": heredocs,
		"network": instructions.GetNetwork(c), "security": instructions.GetSecurity(c),
	}
	// As they are once variables are known.
	if err := c.Expand(func(word string) (string, error) { return word, nil }); err != nil {
		a["mounts"] = "refused"
		return a
	}
	mounts := []answer{}
	for _, m := range instructions.GetMounts(c) {
		described, refused := mount(m)
		if refused {
			a["mounts"] = "refused"
			return a
		}
		mounts = append(mounts, described)
	}
	a["mounts"] = mounts
	return a
}

// The defaults that the frontend's dispatchRunMounts, dispatchSecret and dispatchSSH give.
func mount(m *instructions.Mount) (answer, bool) {
	or := func(value *uint64, standard uint64) uint64 {
		if value == nil {
			return standard
		}
		return *value
	}
	id := m.CacheID
	switch m.Type {
	case instructions.MountTypeBind:
		return answer{"type": "bind", "from": m.From, "source": m.Source, "target": m.Target, "readOnly": m.ReadOnly}, false
	case instructions.MountTypeTmpfs:
		return answer{"type": "tmpfs", "target": m.Target, "size": m.SizeLimit}, false
	case instructions.MountTypeCache:
		if id == "" {
			id = path.Clean(m.Target)
		}
		sharing := m.CacheSharing
		if sharing == "" {
			sharing = "shared"
		}
		return answer{
			"type": "cache", "id": id, "from": m.From, "source": m.Source, "target": m.Target,
			"readOnly": m.ReadOnly, "sharing": sharing, "uid": or(m.UID, 0), "gid": or(m.GID, 0), "mode": or(m.Mode, 0o755),
		}, false
	case instructions.MountTypeSecret:
		if m.Source != "" {
			id = m.Source
		}
		if id == "" {
			id = path.Base(m.Target)
		}
		target := m.Target
		if target == "" && m.Env == nil {
			target = "/run/secrets/" + path.Base(id)
		}
		env := m.Env
		if env != nil && *env == "" {
			env = &id
		}
		return answer{
			"type": "secret", "id": id, "target": target, "env": env, "required": m.Required,
			"uid": or(m.UID, 0), "gid": or(m.GID, 0), "mode": or(m.Mode, 0o400),
		}, false
	default:
		if m.Source != "" {
			return nil, true
		}
		if id == "" {
			id = "default"
		}
		return answer{
			"type": "ssh", "id": id, "target": m.Target, "required": m.Required,
			"uid": or(m.UID, 0), "gid": or(m.GID, 0), "mode": or(m.Mode, 0o600),
		}, false
	}
}

func files(of instructions.SourcesAndDest, chown, chmod string, link bool, exclude []string) answer {
	texts := []any{}
	for _, text := range of.SourceContents {
		texts = append(texts, []any{text.Path, text.Data, text.Expand})
	}
	return answer{
		"sources": append([]string{}, of.SourcePaths...), "texts": texts, "destination": of.DestPath,
		"chown": chown, "chmod": chmod, "link": link, "exclude": append([]string{}, exclude...),
	}
}
