# python docker_py.py: uses docker-py against DOCKER_HOST and prints an outcome a line, as JSON.
import io
import json
import os
import sys
import tarfile
import tempfile
import time

import docker

client = docker.from_env()


def check(name):
    """Runs the function at once; what it raises is the outcome's error."""

    def decorate(body):
        outcome = {'check': name}
        try:
            body()
        except Exception as error:
            line = error.__traceback__.tb_next.tb_lineno if error.__traceback__.tb_next else 0
            outcome['error'] = f'{type(error).__name__} (line {line}): {error}'
        print(json.dumps(outcome), flush=True)
        return body

    return decorate


def tar_of(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f'found {found!r}, wanted {wanted!r}')


def refused(kind, body):
    try:
        body()
    except kind as error:
        return error
    raise AssertionError(f'should raise {kind.__name__}')


@check('ping, version, info, df')
def _():
    equal(client.ping(), True)
    equal(client.version()['Os'], 'linux')
    equal(client.info()['OSType'], 'linux')
    equal(len(client.df()['Images']), 1)


@check('older API versions')
def _():
    for version in ('1.24', '1.30', '1.40', '1.44'):
        old = docker.DockerClient(base_url=os.environ['DOCKER_HOST'], version=version)
        equal(old.containers.run('busybox', 'echo ' + version, remove=True), f'{version}\n'.encode())
        old.close()


@check('containers.run: output, errors, options')
def _():
    equal(client.containers.run('busybox', ['sh', '-c', 'echo $A'], environment={'A': '1'}, remove=True), b'1\n')
    error = refused(docker.errors.ContainerError, lambda: client.containers.run('busybox', 'false', remove=True))
    equal(error.exit_status, 1)
    refused(docker.errors.ImageNotFound, lambda: client.images.get('nothing'))
    shown = client.containers.run(
        'busybox', ['sh', '-c', 'id -un; pwd; ulimit -n; grep elsewhere /etc/hosts; hostname; grep scratch /proc/mounts'],
        user='nobody', working_dir='/tmp', ulimits=[docker.types.Ulimit(name='nofile', soft=512, hard=512)],
        extra_hosts={'elsewhere': '10.1.2.3'}, hostname='box', tmpfs={'/scratch': 'size=1m'}, cap_drop=['ALL'],
        read_only=True, network_mode='none', pids_limit=20, remove=True)
    equal(shown.decode().split()[:3], ['nobody', '/tmp', '512'])
    equal(shown.decode().split()[3:7], ['10.1.2.3', 'elsewhere', 'box', 'tmpfs'])


server = client.containers.run(
    'busybox', ['sh', '-c', 'echo out; echo err >&2; sleep 1000'], name='server', detach=True, init=True,
    labels={'kind': 'test'}, ports={'80/tcp': ('127.0.0.1', None)}, mem_limit='64m')


@check('list, get, reload, attributes')
def _():
    server.reload()
    equal(server.status, 'running')
    equal(server.attrs['HostConfig']['Memory'], 64 * 1024 * 1024)
    equal(server.ports['80/tcp'][0]['HostIp'], '127.0.0.1')
    equal([one.name for one in client.containers.list(filters={'label': 'kind=test'})], ['server'])
    equal(client.containers.get(server.short_id).id, server.id)


@check('logs, also streamed')
def _():
    stream = server.logs(stream=True, follow=True, stderr=False)
    equal(next(iter(stream)), b'out\n')
    stream.close()
    equal(server.logs(stdout=False), b'err\n')


@check('exec_run: demultiplexed, streamed, exit codes, sockets')
def _():
    equal(tuple(server.exec_run(['sh', '-c', 'echo o; echo e >&2; exit 3'], demux=True)), (3, (b'o\n', b'e\n')))
    equal(b''.join(server.exec_run('seq 3', stream=True).output), b'1\n2\n3\n')
    equal(server.exec_run('sh -c "echo $A"', environment={'A': 'x'}).output, b'x\n')
    socket = server.exec_run('cat', stdin=True, socket=True, tty=True).output
    socket._sock.sendall(b'typed\n')
    equal(socket._sock.recv(7), b'typed\r\n')
    socket.close()


@check('attach_socket with stdin')
def _():
    container = client.containers.create('busybox', ['sh', '-c', 'read x; echo got $x'], stdin_open=True, tty=True)
    socket = container.attach_socket(params={'stdin': 1, 'stdout': 1, 'stream': 1})
    container.start()
    socket._sock.sendall(b'word\n')
    equal(container.wait()['StatusCode'], 0)
    equal(b'got word' in container.logs(), True)
    socket.close()
    container.remove()


@check('stats, top, diff, update, pause, resize, rename')
def _():
    equal(server.stats(stream=False)['memory_stats']['limit'], 64 * 1024 * 1024)
    equal('memory_stats' in next(server.stats(stream=True, decode=True)), True)
    equal(len(server.top()['Processes']) >= 2, True)
    server.update(mem_limit='32m', memswap_limit='32m')
    server.pause()
    server.reload()
    equal(server.status, 'paused')
    server.unpause()
    server.resize(20, 80)
    server.rename('renamed')
    equal(isinstance(server.diff(), list), True)


@check('put_archive, get_archive, export')
def _():
    equal(server.put_archive('/tmp', tar_of('note', b'content')), True)
    chunks, stat = server.get_archive('/tmp/note')
    equal((stat['name'], stat['size']), ('note', 7))
    with tarfile.open(fileobj=io.BytesIO(b''.join(chunks))) as tar:
        equal(tar.extractfile('note').read(), b'content')
    equal(b'tmp/note' in b''.join(server.export()), True)


@check('commit, tag, history, list, remove images')
def _():
    image = server.commit('committed', '1', message='by docker-py')
    equal(image.history()[0]['Comment'], 'by docker-py')
    equal(image.tag('committed', '2'), True)
    image.reload()
    equal(sorted(image.tags), ['committed:1', 'committed:2'])
    equal(len(client.images.list('committed')), 1)
    client.images.remove('committed:1')
    client.images.remove('committed:2')


@check('images.build: log, errors, targets')
def _():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'Dockerfile'), 'w', encoding='utf8') as file:
            file.write('FROM busybox AS one\nARG A\nRUN echo $A >/word\nFROM one AS two\nRUN exit 9\n')
        image, log = client.images.build(path=folder, tag='built:1', buildargs={'A': 'x'}, target='one', rm=True)
        equal(any('Successfully tagged built:1' in line.get('stream', '') for line in log), True)
        equal(client.containers.run(image, 'cat /word', remove=True), b'x\n')
        error = refused(docker.errors.BuildError, lambda: client.images.build(path=folder))
        equal('returned a non-zero code: 9' in error.msg, True)


@check('images.save, load; import_image')
def _():
    archive = b''.join(client.images.get('built:1').save(named=True))
    equal(client.images.load(archive)[0].tags, ['built:1'])
    client.api.import_image_from_data(tar_of('one', b'1'), repository='imported', tag='1')
    equal(client.images.get('imported:1').tags, ['imported:1'])


@check('networks: create with a subnet, connect, disconnect, remove')
def _():
    pool = docker.types.IPAMPool(subnet='10.231.9.0/24', gateway='10.231.9.1')
    network = client.networks.create('own', ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={'a': 'b'})
    network.connect(server, aliases=['other'], ipv4_address='10.231.9.7')
    network.reload()
    equal([one.id for one in network.containers], [server.id])
    answer = client.containers.run('busybox', 'nslookup other', network='own', remove=True)
    equal(b'10.231.9.7' in answer, True)
    network.disconnect(server)
    equal([one.name for one in client.networks.list(filters={'label': 'a=b'})], ['own'])
    network.remove()


@check('volumes: create, mount, list, remove')
def _():
    volume = client.volumes.create('kept', labels={'a': 'b'})
    client.containers.run('busybox', 'touch /data/file', volumes={'kept': {'bind': '/data', 'mode': 'rw'}}, remove=True)
    mount = docker.types.Mount('/data', 'kept', read_only=True)
    equal(client.containers.run('busybox', 'ls /data', mounts=[mount], remove=True), b'file\n')
    equal([one.name for one in client.volumes.list(filters={'label': 'a=b'})], ['kept'])
    volume.remove()


@check('events: past and live')
def _():
    past = client.events(since=0, until=int(time.time()) + 1, decode=True, filters={'network': 'own'})
    equal('create' in [event['Action'] for event in past], True)
    live = client.events(decode=True, filters={'container': server.id})
    server.restart(timeout=0)
    equal(next(live)['Actor']['ID'], server.id)
    live.close()


@check('health checks')
def _():
    probe = {'test': ['CMD', 'true'], 'interval': 200_000_000, 'retries': 2}
    container = client.containers.run('busybox', 'sleep 1000', detach=True, healthcheck=probe, init=True)
    for event in client.events(decode=True, since=0, filters={'container': container.id, 'event': 'health_status'}):
        equal(event['Action'], 'health_status: healthy')
        break
    container.reload()
    equal(container.health, 'healthy')
    container.remove(force=True)


@check('stop, wait, kill, remove; errors')
def _():
    server.kill('SIGKILL')
    equal(server.wait(condition='not-running')['StatusCode'], 137)
    server.start()
    server.stop(timeout=0)
    server.remove(v=True)
    error = refused(docker.errors.NotFound, lambda: client.containers.get('renamed'))
    equal((error.status_code, error.explanation), (404, 'No such container: renamed'))


@check('swarm calls: the node is in none')
def _():
    equal(refused(docker.errors.APIError, client.nodes.list).status_code, 503)
    equal(client.plugins.list(), [])


@check('prune')
def _():
    for noun in (client.containers, client.images, client.networks, client.volumes):
        equal(isinstance(noun.prune(), dict), True)
    equal('SpaceReclaimed' in client.api.prune_builds(), True)


client.close()
sys.exit(0)
