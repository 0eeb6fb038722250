import { Type } from 'typebox';
import {
  anything,
  closed,
  containerConfig,
  count,
  descriptor,
  digest,
  flag,
  list,
  map,
  orNull,
  text,
  texts,
  time,
} from './fields.ts';

// Images, networks, volumes.

const imageSummary = {
  Containers: count,
  Created: count,
  Id: digest,
  Labels: orNull(map),
  ParentId: text,
  RepoDigests: texts,
  RepoTags: texts,
  SharedSize: count,
  Size: count,
};
export const imageListed = closed(imageSummary);
export const oldImageListed = closed({ ...imageSummary, VirtualSize: count });
const manifest = closed({
  ID: digest,
  Descriptor: descriptor,
  Available: flag,
  Size: closed({ Content: count, Total: count }),
  Kind: Type.Literal('image'),
  ImageData: anything,
});
export const imageWithManifests = closed({
  ...imageSummary,
  Descriptor: descriptor,
  Manifests: list(manifest),
});

const imageConfig = {
  User: text,
  Env: orNull(texts),
  Cmd: orNull(texts),
  Volumes: orNull(anything),
  WorkingDir: text,
  Entrypoint: orNull(texts),
  OnBuild: orNull(texts),
  Labels: orNull(map),
};
const image = {
  Id: digest,
  RepoTags: texts,
  RepoDigests: texts,
  Parent: text,
  Comment: text,
  Created: time,
  DockerVersion: text,
  Author: text,
  Architecture: text,
  Os: text,
  Size: count,
  GraphDriver: closed({ Data: anything, Name: text }),
  RootFS: closed({ Type: text, Layers: list(digest) }),
  Metadata: closed({ LastTagTime: time }),
};
export const imageInspect = closed(
  { ...image, Config: closed(imageConfig), Descriptor: descriptor },
  { Variant: text },
);
export const imageInspectWithManifests = closed(
  { ...image, Config: closed(imageConfig), Descriptor: descriptor, Manifests: list(manifest) },
  { Variant: text },
);
export const imageInspect149 = closed(
  { ...image, Config: closed(containerConfig), Descriptor: descriptor },
  { Variant: text },
);
export const imageInspect143 = closed(
  {
    ...image,
    Config: closed(containerConfig),
    VirtualSize: count,
    Container: text,
    ContainerConfig: closed(containerConfig),
  },
  { Variant: text },
);

export const history = list(
  closed({ Comment: text, Created: count, CreatedBy: text, Id: text, Size: count, Tags: orNull(texts) }),
);

export const network = closed({
  Name: text,
  Id: text,
  Created: time,
  Scope: text,
  Driver: text,
  EnableIPv4: flag,
  EnableIPv6: flag,
  IPAM: closed({
    Driver: text,
    Options: orNull(map),
    Config: orNull(list(closed({ Subnet: text, Gateway: text }, { IPRange: text, AuxiliaryAddresses: map }))),
  }),
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigFrom: closed({ Network: text }),
  ConfigOnly: flag,
  Containers: Type.Record(
    text,
    closed({ Name: text, EndpointID: text, MacAddress: text, IPv4Address: text, IPv6Address: text }),
  ),
  Options: map,
  Labels: map,
});

const volumeFields = {
  CreatedAt: time,
  Driver: text,
  Labels: orNull(map),
  Mountpoint: text,
  Name: text,
  Options: orNull(map),
  Scope: text,
};
export const volume = closed(volumeFields);
export const usedVolume = closed({ ...volumeFields, UsageData: closed({ Size: count, RefCount: count }) });
