package image

// place is a kind of places where an image is deployed: where they are, and how the image is written there.
type place struct {
	system string    // that reads it
	holds  string    // what stands there, for people
	in     documents // zero: any
	at     string    // the way from the object to it, or from the document; see pattern
	beside string    // KEY=GLOB: what the map around it must have; empty: nothing
	shape  shape
}

// kustomizations are the documents that kustomize reads, or that Flux hands to it.
var kustomizations = documents{
	files: []string{"kustomization.yaml", "kustomization.yml", "Kustomization"},
	kinds: []string{"Kustomization.*", "Component.kustomize.config.k8s.io"},
}

var (
	argoCD  = kinds("Application.argoproj.io", "ApplicationSet.argoproj.io")
	tekton  = kinds("*.tekton.dev")
	compose = files("compose.yaml", "compose.yml", "compose.*.yaml", "compose.*.yml",
		"docker-compose.yaml", "docker-compose.yml", "docker-compose.*.yaml", "docker-compose.*.yml")
)

var everywhere documents

func kinds(globs ...string) documents { return documents{kinds: globs} }

func files(globs ...string) documents { return documents{files: globs} }

// table has all places. The first one of a node counts, and a value that belongs to a place is no other place.
//
// The rules are those of the systems. kustomize: api/filters/imagetag, api/types.Image and plugin/builtin, as of v5.
// Argo CD: ApplicationSourceKustomize.Images, which is handed to "kustomize edit set image", and HelmParameter of
// pkg/apis/application/v1alpha1. Flux: the API types of kustomize-controller and helm-controller. OpenShift:
// TagReference of image.openshift.io/v1. Kubernetes: ImageVolumeSource of core/v1. Tekton: the bundles resolver.
// Crossplane: PackageSpec of pkg.crossplane.io. JSON patches: RFC 6902. The shapes of Helm values are those of public
// charts.
var table = []place{
	{"Flux image automation", "it watches images, and deploys none",
		kinds("*.image.toolkit.fluxcd.io"), "", "", ignored{}},
	{"Kubernetes", "what is said of an object", everywhere, "metadata.{annotations,labels}", "", unlisted{}},
	{"Kubernetes", "what became of an object", kinds("*.*"), "status", "", unlisted{}},
	{"Kubernetes", "schemas, with examples", kinds("CustomResourceDefinition.*"), "spec", "", unlisted{}},

	{"Helm", "what a chart says of itself", files("Chart.yaml"), "", "", unlisted{}},

	{"kustomize", "`name`, `newName`, `newTag`, `digest`", kustomizations, "images[]", "", entryShape{}},
	{"kustomize", "the same, of a builtin transformer",
		kinds("ImageTagTransformer.*"), "imageTag", "", entryShape{}},
	{"kustomize", "a transformer or generator in a string",
		kustomizations, "{transformers,generators}[]", "", embedded{}},
	{"kustomize", "a patch, also in a string: strategic merge or JSON 6902",
		everywhere, "**.{patches,patchesJson6902}[].patch", "", patchShape{}},
	{"kustomize", "a strategic-merge patch in a string", everywhere, "**.patchesStrategicMerge[]", "", patchShape{}},
	{"kustomize", "a file with a JSON 6902 patch: `op`, `path`, `value`", everywhere, "", "", patchShape{}},

	{"Argo CD", "`[NAME=]NEWNAME:TAG` or `@DIGEST`", argoCD, "**.kustomize.images[]", "", kustomizeString{}},
	{"Argo CD", "`parameters` that belong together: `image.repository`, `image.tag`", argoCD, "**.helm", "",
		helmSource{}},
	{"Argo CD", "Helm values in a string", argoCD, "**.helm.values", "", embedded{}},
	{"Argo CD", "a patch of the template, in a string", argoCD, "spec.templatePatch", "",
		embedded{object{"argoproj.io/v1alpha1", "Application"}}},

	{"Flux", "`name`, `newName`, `newTag`, `digest`", kinds("Kustomization.*"), "spec.images[]", "",
		entryShape{}},
	{"Flux", "the same, after Helm", kinds("HelmRelease.*"), "spec.postRenderers[].kustomize.images[]", "",
		entryShape{}},

	{"Helm", "`set` of helmfile: names and values that belong together",
		files("helmfile.yaml", "helmfile.yml"), "releases[].set", "", dotted{}},
	{"Helm", "values in a string, of the controller in k3s",
		kinds("HelmChart.helm.cattle.io", "HelmChartConfig.helm.cattle.io"), "spec.valuesContent", "",
		embedded{}},

	{"OpenShift", "the image of a tag", kinds("ImageStream.*"), "spec.tags[].from.name", "kind=DockerImage",
		wholeRef{untagged}},
	{"Crossplane", "a package", kinds("*.pkg.crossplane.io"), "spec.package", "", wholeRef{untagged}},
	{"Tekton", "a bundle", tekton, "**.{taskRef,pipelineRef}.bundle", "", wholeRef{untagged}},
	{"Tekton", "a bundle, by the resolver", tekton, "**.{taskRef,pipelineRef,ref}.params[].value", "name=bundle",
		wholeRef{untagged}},
	{"Tekton", "a step or sidecar", everywhere, "**.{steps,sidecars}[].image", "", wholeRef{untagged}},
	{"Tekton", "what steps have in common", everywhere, "**.stepTemplate.image", "", wholeRef{untagged}},
	{"Argo Workflows", "a template", everywhere, "**.{container,script}.image", "", wholeRef{untagged}},
	{"Kubernetes", "a container of a pod, also in custom resources (Knative, Argo Rollouts)", everywhere,
		"**.{containers,initContainers,ephemeralContainers}[].image", "", wholeRef{untagged}},
	{"Kubernetes", "an image volume", everywhere, "**.{volumes,*Volumes}[].image.reference", "", wholeRef{untagged}},
	{"Operators", "an image that an operator deploys", everywhere, "**.env[].value", "name=RELATED_IMAGE_*",
		wholeRef{untagged}},
	{"Compose", "a service", compose, "services.*.image", "", wholeRef{untagged}},

	{"Helm", "values in parts: `{registry, repository, tag, digest}`, `{name, tag}`, `fooImage` and `fooTag`",
		everywhere, "**", "", parts{}},
	{"Everywhere", "an image with a tag or digest; of custom resources, operators (`relatedImages`), Helm values",
		everywhere, "**.{*image,*Image,*IMAGE,*imageName,*ImageName}", "", wholeRef{tagged}},
}

// patterns has the ways of the table's places.
var patterns = func() []pattern {
	out := make([]pattern, len(table))
	for i, row := range table {
		out[i] = way(row.at)
	}
	return out
}()
