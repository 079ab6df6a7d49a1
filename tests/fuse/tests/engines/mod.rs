//! A core module under wasmtime and wasmi, with a host that is written once for both.

#![allow(dead_code, reason = "each test uses its part")]

/// What a function of the host returns.
#[derive(Clone, Copy)]
pub enum Returns {
    Nothing,
    I32,
    I64,
}

/// The host of a core module, whose functions have `i32` parameters.
pub trait Host: Sized + 'static {
    /// Module, name, number of parameters, and result of each function.
    const FUNCTIONS: &'static [(&'static str, &'static str, usize, Returns)];

    /// The host of these bytes.
    fn new(bytes: &[u8]) -> Self;

    /// What a function does when the module calls it.
    fn called(module: &mut dyn Module<Self>, name: &'static str, args: &[i32]) -> i64;
}

/// A core module under some engine, as its host has it before and during calls. All parameters are
/// `i32`; no result is 0.
pub trait Module<H> {
    fn call(&mut self, export: &str, args: &[i32]) -> Result<i64, String>;
    fn host(&mut self) -> &mut H;
    fn read(&mut self, memory: &str, at: usize, bytes: usize) -> Vec<u8>;
    fn write(&mut self, memory: &str, at: usize, bytes: &[u8]);
}

/// The two engines have nearly the same interface.
macro_rules! engine {
    ($name:ident in $lib:ident, $instantiate:ident, $types:expr) => {
        pub struct $name<H: 'static> {
            store: $lib::Store<H>,
            instance: $lib::Instance,
        }

        impl<H: Host> $name<H> {
            /// Instantiates a module, which runs its start function.
            pub fn load(bytes: &[u8]) -> Box<dyn Module<H>> {
                let engine = $lib::Engine::default();
                let module = $lib::Module::new(&engine, bytes).expect("the module is valid");
                let mut store = $lib::Store::new(&engine, H::new(bytes));
                let mut linker = $lib::Linker::new(&engine);
                for &(from, name, params, returns) in H::FUNCTIONS {
                    let results = match returns {
                        Returns::Nothing => vec![],
                        Returns::I32 => vec![$lib::ValType::I32],
                        Returns::I64 => vec![$lib::ValType::I64],
                    };
                    let ty = $types(&engine, vec![$lib::ValType::I32; params], results);
                    let function = move |mut caller: $lib::Caller<'_, H>,
                                         args: &[$lib::Val],
                                         results: &mut [$lib::Val]| {
                        let args = args.iter().map(|arg| arg.i32().expect("all are `i32`"));
                        let value = H::called(&mut caller, name, &args.collect::<Vec<i32>>());
                        match returns {
                            Returns::Nothing => {}
                            Returns::I32 => results[0] = $lib::Val::I32(value as i32),
                            Returns::I64 => results[0] = $lib::Val::I64(value),
                        }
                        Ok(())
                    };
                    linker.func_new(from, name, ty, function).expect("the name is free");
                }
                let instance = linker.$instantiate(&mut store, &module).expect("it can start");
                Box::new($name { store, instance })
            }
        }

        impl<H: Host> Module<H> for $name<H> {
            fn call(&mut self, export: &str, args: &[i32]) -> Result<i64, String> {
                let func = self.instance.get_func(&mut self.store, export);
                engine!(call $lib, &mut self.store, func.expect("it is exported"), args)
            }

            fn host(&mut self) -> &mut H {
                self.store.data_mut()
            }

            fn read(&mut self, memory: &str, at: usize, bytes: usize) -> Vec<u8> {
                let memory = self.instance.get_memory(&mut self.store, memory);
                engine!(read &mut self.store, memory.expect("it is exported"), at, bytes)
            }

            fn write(&mut self, memory: &str, at: usize, bytes: &[u8]) {
                let memory = self.instance.get_memory(&mut self.store, memory);
                let written = memory.expect("it is exported").write(&mut self.store, at, bytes);
                written.expect("it is in bounds");
            }
        }

        impl<H: Host> Module<H> for $lib::Caller<'_, H> {
            fn call(&mut self, export: &str, args: &[i32]) -> Result<i64, String> {
                let func = self.get_export(export).and_then($lib::Extern::into_func);
                engine!(call $lib, &mut *self, func.expect("it is exported"), args)
            }

            fn host(&mut self) -> &mut H {
                self.data_mut()
            }

            fn read(&mut self, memory: &str, at: usize, bytes: usize) -> Vec<u8> {
                let memory = self.get_export(memory).and_then($lib::Extern::into_memory);
                engine!(read &mut *self, memory.expect("it is exported"), at, bytes)
            }

            fn write(&mut self, memory: &str, at: usize, bytes: &[u8]) {
                let memory = self.get_export(memory).and_then($lib::Extern::into_memory);
                let written = memory.expect("it is exported").write(&mut *self, at, bytes);
                written.expect("it is in bounds");
            }
        }
    };
    (call $lib:ident, $store:expr, $func:expr, $args:expr) => {{
        let (store, func) = ($store, $func);
        let args: Vec<_> = $args.iter().map(|arg| $lib::Val::I32(*arg)).collect();
        let mut results = vec![$lib::Val::I32(0); func.ty(&*store).results().len()];
        func.call(store, &args, &mut results).map_err(|e| format!("{e:?}"))?;
        Ok(match results.first() {
            Some($lib::Val::I32(value)) => (*value).into(),
            Some($lib::Val::I64(value)) => *value,
            _ => 0,
        })
    }};
    (read $store:expr, $memory:expr, $at:expr, $bytes:expr) => {{
        let mut found = vec![0; $bytes];
        $memory.read($store, $at, &mut found).expect("it is in bounds");
        found
    }};
}

engine!(Wasmtime in wasmtime, instantiate, wasmtime::FuncType::new);
engine!(Wasmi in wasmi, instantiate_and_start, wasmi_type);

/// As wasmtime makes one.
fn wasmi_type(
    _: &wasmi::Engine,
    params: Vec<wasmi::ValType>,
    results: Vec<wasmi::ValType>,
) -> wasmi::FuncType {
    wasmi::FuncType::new(params, results)
}
