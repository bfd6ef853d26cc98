// Shows a slider's value while it moves. The server calculates the result.
(() => {
	const formats = {
		count: (value) => value.toLocaleString("en-US"),
		cents: (value) => (value / 100).toLocaleString("en-US", { style: "currency", currency: "USD", trailingZeroDisplay: "stripIfInteger" }),
		micros: (value) => `$${(value / 1e6).toLocaleString("en-US", { maximumFractionDigits: 6 })}`,
	};
	const showValue = (slider) => {
		const text = formats[slider.dataset.unit](slider.valueAsNumber);
		slider.setAttribute("aria-valuetext", text);
		document.querySelector(`output[for="${slider.id}"]`).value = text;
	};
	const form = document.getElementById("what-if");
	form.querySelectorAll("input[type=range]").forEach(showValue);
	form.addEventListener("input", ({ target }) => target.type === "range" && showValue(target));
})();
