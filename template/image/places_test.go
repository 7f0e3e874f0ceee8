package image

import (
	"strings"
	"testing"
)

// placeCase is a document in which a place deploys v1 of acme/shop, and v0 is what is not to be touched.
type placeCase struct{ name, file, src string }

// placeCases has the places beyond those of TestSet. In each, v1 becomes v2 and nothing else changes.
var placeCases = []placeCase{
	{"kustomize: a name with a tag", "kustomization.yaml", "images:\n- name: acme/shop:v0\n  newTag: v1\n"},
	{"kustomize: a name with a digest", "kustomization.yaml",
		"images:\n- name: acme/shop@" + digestA + "\n  newTag: v1\n"},
	{"kustomize: tagSuffix stays", "kustomization.yaml",
		"images:\n- name: acme/shop\n  newTag: v1\n  tagSuffix: -v0\n"},
	{"kustomize: a component", "a.yaml",
		"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- name: acme/shop\n  newTag: v1\n"},
	{"kustomize: the builtin transformer", "a.yaml",
		"apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: x}\nimageTag:\n  name: acme/shop\n" +
			"  newTag: v1\nfieldSpecs: []\n"},
	{"kustomize: a transformer in a string", "kustomization.yaml",
		"transformers:\n- |-\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {name: x} # c\n" +
			"  imageTag: {name: acme/shop, newTag: v1}\n- ../acme/shop\n"},
	{"kustomize: a strategic-merge patch", "kustomization.yaml",
		"patches:\n- target: {kind: Deployment}\n  patch: |-\n    kind: Deployment\n    spec:\n      template:\n" +
			"        spec:\n          containers:\n          - name: shop   # c\n\n            image: acme/shop:v1\n"},
	{"kustomize: patchesStrategicMerge", "kustomization.yaml",
		"patchesStrategicMerge:\n- acme/shop.yaml\n- |-\n  spec: {containers: [{image: acme/shop:v1}]}\n"},
	{"kustomize: an old JSON patch", "kustomization.yaml",
		"patchesJson6902:\n- target: {version: v1, kind: Pod, name: x}\n  patch: |-\n    - op: add\n" +
			"      path: /spec/containers/-\n      value: {name: a, image: \"acme/shop:v1\"}\n"},
	{"a JSON patch in JSON in a string", "kustomization.yaml",
		"patches:\n- patch: '[{\"op\": \"replace\", \"path\": \"/spec/containers/0/image\", \"value\": \"acme/shop:v1\"}]'\n"},
	{"a JSON patch of one line", "kustomization.yaml",
		"patches:\n- patch: \"- op: replace\\n  path: /spec/containers/0/image\\n  value: acme/shop:v1\\n\"\n"},
	{"a file with a JSON patch", "patch.yaml",
		"- op: test\n  path: /spec/containers/0/image\n  value: acme/shop:v0\n" +
			"- op: replace\n  path: /spec/containers/0/image\n  value: acme/shop:v1\n" +
			"- op: remove\n  path: /a\n"},
	{"a JSON file with a JSON patch", "patch.json",
		"[{\"op\":\"add\",\"path\":\"/spec/volumes/-\",\"value\":{\"image\":{\"reference\":\"acme/shop:v1\"}}}]\n"},
	{"a JSON patch of Helm values", "kustomization.yaml",
		"patches:\n- target: {kind: HelmRelease}\n  patch: |\n    - op: add\n      path: /spec/values/image/repository\n" +
			"      value: acme/shop\n    - op: add\n      path: /spec/values/image/tag\n      value: v1\n"},
	{"a JSON patch of an Application", "kustomization.yaml",
		"patches:\n- target: {group: argoproj.io, version: v1alpha1, kind: Application}\n  patch: |\n    - op: replace\n" +
			"      path: /spec/source/kustomize/images/0\n      value: acme/shop=acme/shop:v1\n"},

	{"Argo CD: images", "a.yaml", argo("kustomize:\n      images:\n      - acme/shop:v1\n      - acme/shop-worker:v0\n" +
		"      - shop=acme/shop:v1\n      - acme/shop=:v1\n      - acme/shop=acme/web:v1\n")},
	{"Argo CD: several sources", "a.yaml",
		"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n  - ref: values\n" +
			"  - kustomize: {images: [\"acme/shop:v1\"]}\n  - helm:\n      parameters:\n" +
			"      - name: shop.image.name\n        value: acme/shop\n      - name: shop.image.tag\n        value: v1\n"},
	{"Argo CD: parameters", "a.yaml", argo("helm:\n      parameters:\n      - name: replicas\n        value: \"3\"\n" +
		"      - {name: image.tag, value: v1, forceString: true}\n      - name: image.repository\n" +
		"        value: acme/shop\n      - {name: web.image.repository, value: acme/shop-web}\n" +
		"      - {name: web.image.tag, value: v0}\n      - {name: shopImage, value: acme/shop}\n" +
		"      - {name: shopTag, value: v1}\n      - {name: \"workers[0].image\", value: \"acme/shop:v1\"}\n")},
	{"Argo CD: a parameter's tag, and the repository in values", "a.yaml",
		argo("helm:\n      parameters:\n      - name: image.tag\n        value: v1\n      values: |\n" +
			"        image:\n          repository: acme/shop\n")},
	{"Argo CD: a parameter's repository, and the tag in values", "a.yaml",
		argo("helm:\n      parameters:\n      - name: image.repository\n        value: acme/shop\n      values: |\n" +
			"        image:\n          tag: v1 # c\n")},
	{"Argo CD: a parameter's tag, and the repository in valuesObject", "a.yaml",
		argo("helm:\n      valuesObject:\n        image:\n          repository: acme/shop\n" +
			"      parameters: [{name: image.tag, value: v1}]\n")},
	{"Argo CD: values in a string", "a.yaml",
		argo("helm:\n      values: |\n        # above\n\n        image:   # c\n          repository: acme/shop\n" +
			"          tag: \"v1\"   # keep\n        text: |\n          acme/shop\n           more\n")},
	{"Argo CD: folded values", "a.yaml", argo("helm:\n      values: '{\"image\": {\"repository\": \"acme/shop\"," +
		" \"tag\": \"v1\"}}'\n")},
	{"Argo CD: an ApplicationSet", "a.yaml",
		"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nspec:\n  generators:\n  - list:\n      elements:\n" +
			"      - {cluster: a, url: 'https://a'}\n    template:\n      spec: {source: {kustomize: " +
			"{images: ['acme/shop:v1']}}}\n  template:\n    metadata: {name: '{{cluster}}-shop'}\n    spec:\n" +
			"      source:\n        repoURL: https://example.com/acme/shop\n        targetRevision: v0\n        helm:\n" +
			"          values: |\n            cluster: '{{cluster}}'\n            image: {repository: acme/shop, " +
			"tag: v1}\n"},

	{"Flux: images", "a.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  images:\n" +
		"  - name: acme/shop\n    newName: ghcr.io/acme/shop\n    newTag: v1\n  patches:\n  - patch: |\n" +
		"      - op: replace\n        path: /spec/template/spec/containers/0/image\n        value: acme/shop:v1\n"},
	{"Flux: patches that are no strings", "a.yaml",
		"apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nspec:\n  patchesStrategicMerge:\n" +
			"  - kind: Pod\n    spec: {containers: [{image: acme/shop:v1}]}\n  patchesJson6902:\n" +
			"  - target: {kind: Pod}\n    patch:\n    - {op: add, path: /spec/containers/0/image, value: \"acme/shop:v1\"}\n"},
	{"Flux: after Helm", "a.yaml",
		"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  postRenderers:\n  - kustomize:\n" +
			"      images: [{name: acme/shop, newTag: v1}]\n      patches:\n      - patch: |\n" +
			"          kind: Pod\n          spec: {initContainers: [{image: acme/shop:v1}]}\n"},

	{"values: registry, repository, tag, digest", "values.yaml",
		"image: {registry: docker.io, repository: acme/shop, tag: v1, digest: \"\"}\n"},
	{"values: name and tag", "values.yaml",
		"image: {name: acme/shop, tag: v1}\nimages: [{name: acme/shop, tag: v1}]\nshopImage: {name: acme/shop, tag: v1}\n" +
			"app: {name: acme/shop, tag: v0}\nimages2: {x: {name: acme/shop, tag: v0}}\n"},
	{"values: repository and version", "values.yaml",
		"image: {repository: acme/shop, version: v1}\nchart: {repository: acme/shop, version: v0}\n"},
	{"values: repo and tag", "values.yaml", "image: {repo: acme/shop, tag: v1}\n"},
	{"values: registry, image and tag", "values.yaml", "a: {registry: docker.io, image: acme/shop, tag: v1}\n"},
	{"values: registry and image", "values.yaml",
		"a: {registry: docker.io, image: 'acme/shop:v1'}\nb: {registry: ghcr.io, image: 'acme/shop:v0'}\n" +
			"c: {registry: ghcr.io, image: 'docker.io/acme/shop:v1'}\nd: {registry: \"\", image: 'acme/shop:v1'}\n"},
	{"values: a whole reference in another key", "values.yaml",
		"shopImage: acme/shop:v1\nshop_image: acme/shop:v1\nshop-image: acme/shop:v1\nSHOP_IMAGE: acme/shop:v1\n" +
			"shopImages: acme/shop:v0\nimagePullSecret: acme/shop:v0\n"},
	{"values: pairs of keys", "values.yaml",
		"shopImage: acme/shop\nshopTag: v1\nshopDigest: \"\"\nworkerTag: v0\nworkerImage: acme/shop-worker\ntag: v0\n" +
			"a: {shop_image: acme/shop, shop_image_tag: v1}\nb: {imageRepository: acme/shop, imageTag: v1}\n" +
			"c: {imageName: acme/shop, imageTag: v1, tag: v1x}\nd: {shopImage: acme/shop, shopVersion: v0}\n" +
			"e: {SHOP_IMAGE: acme/shop, SHOP_TAG: v1}\nf: {shopRegistry: ghcr.io, shopImage: acme/shop, shopTag: v0}\n" +
			"g: {shopRepository: acme/shop, shopTag: v0}\n"},
	{"values: the registry of all images", "values.yaml",
		"global:\n  imageRegistry: docker.io\nimage: {registry: quay.io, repository: acme/shop, tag: v1}\n" +
			"web: {image: {repository: acme/shop, tag: v1}}\nx: {image: {repository: ghcr.io/acme/shop, tag: v0}}\n"},

	{"Kubernetes: an image volume", "a.yaml",
		"kind: Pod\nspec: {volumes: [{name: v, image: {reference: acme/shop:v1, pullPolicy: Always}}]}\n"},
	{"Operators: env", "a.yaml",
		"kind: Deployment\nspec:\n  containers:\n  - env:\n    - name: RELATED_IMAGE_SHOP\n      value: acme/shop:v1\n" +
			"    - {name: OTHER, value: 'acme/shop:v0'}\n"},
	{"Operators: a ClusterServiceVersion", "a.yaml",
		"apiVersion: operators.coreos.com/v1alpha1\nkind: ClusterServiceVersion\nmetadata:\n  annotations:\n" +
			"    containerImage: acme/shop:v1\nspec:\n  relatedImages:\n  - {name: shop, image: \"acme/shop:v1\"}\n"},
	{"Tekton: bundles", "a.yaml",
		"apiVersion: tekton.dev/v1\nkind: PipelineRun\nspec:\n  pipelineRef:\n    resolver: bundles\n    params:\n" +
			"    - {name: bundle, value: 'acme/shop:v1'}\n    - {name: name, value: 'acme/shop:v0'}\n" +
			"  taskRef: {bundle: acme/shop:v1, name: a}\n  params: [{name: bundle, value: 'acme/shop:v0'}]\n"},
	{"Argo Workflows", "a.yaml",
		"kind: Workflow\nspec:\n  templates:\n  - containerSet: {containers: [{image: acme/shop:v1}]}\n" +
			"  - {initContainers: [{image: 'acme/shop:v1'}], sidecars: [{image: 'acme/shop:v1'}]}\n" +
			"  - {script: {image: acme/shop:v1, source: 'run acme/shop:v0'}}\n"},
	{"Knative", "a.yaml",
		"apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: {spec: {containers: [{image: acme/shop:v1}]}}}\n"},
	{"Crossplane", "a.yaml", "apiVersion: pkg.crossplane.io/v1\nkind: Provider\nspec:\n  package: acme/shop:v1\n---\n" +
		"apiVersion: example.com/v1\nkind: Provider\nspec:\n  package: acme/shop:v0\n"},
	{"OpenShift: tags of an image stream", "a.yaml",
		"apiVersion: image.openshift.io/v1\nkind: ImageStream\nspec:\n  tags:\n  - name: v0\n" +
			"    from: {kind: DockerImage, name: acme/shop:v1}\n  - from: {kind: ImageStreamTag, name: 'acme/shop:v0'}\n" +
			"---\nkind: Template\napiVersion: template.openshift.io/v1\nobjects:\n- apiVersion: image.openshift.io/v1\n" +
			"  kind: ImageStream\n  spec: {tags: [{from: {kind: DockerImage, name: acme/shop:v1}}]}\n"},
	{"k3s: a chart", "a.yaml",
		"apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |-\n    image:\n" +
			"      repository: acme/shop\n      tag: v1\n"},
	{"helmfile", "helmfile.yaml",
		"releases:\n- name: shop\n  set:\n  - name: image.tag\n    value: v1\n  - name: image.repository\n" +
			"    value: acme/shop\n  values:\n  - image: {repository: acme/shop, tag: v1}\n"},
}

func argo(source string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    " + source
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, tt := range placeCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := strings.NewReplacer("v1x", "v1x", "/v1\n", "/v1\n", "/v1beta2", "/v1beta2", "/v1alpha1", "/v1alpha1",
				"version: v1,", "version: v1,", "v1", "v2").Replace(tt.src)
			want = strings.ReplaceAll(want, "version: v2alpha1", "version: v1alpha1")
			want = strings.ReplaceAll(want, "acme/shop, version: v1}\nchart", "acme/shop, version: v2}\nchart")
			got, changes, err := setImage(tt.file, tt.src, "acme/shop=acme/shop:v2")
			if err != nil || got != want {
				t.Fatalf("%v, got\n%s\nwant\n%s", err, got, want)
			}
			if again, more, err := setImage(tt.file, got, "acme/shop=acme/shop:v2"); err != nil || again != got || more != "" {
				t.Errorf("the second time: %v, %s, got\n%s", err, more, again)
			}
			if changes == "" {
				t.Error("no changes are told")
			}
		})
	}
}
